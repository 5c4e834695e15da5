"""Owns how the lines of a file become examples: pairs, LLMSTEP's, or those of the log of accepted steps."""

import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from llmstep_lsp.adapters.accept_log import read_accept_log
from llmstep_lsp.adapters.generators.prompts import PromptFormat
from llmstep_lsp.adapters.pairs import read_pairs
from llmstep_lsp.domain.completion import Part, Prompt
from llmstep_lsp.domain.goals import parse_goal
from llmstep_lsp.domain.pairs import Pair, first_goal
from llmstep_lsp.domain.recipe import Example
from llmstep_lsp.errors import InputError
from llmstep_lsp.ports import Question

# LLMSTEP's outputs end with it; we give the model's own end token instead.
_END = "<|endoftext|>"


def read_examples(file: Path, prompt_format: PromptFormat) -> Iterator[Example]:
    """The examples of `file`; what has no goal or no step is left out.

    LLMSTEP's lines, `{"input": …, "output": …}`, are prompts already; all others are rendered as
    `prompt_format` says.

    Raises:
        InputError: it cannot be read, or is none of these.
    """
    match _first_object(file):
        case {"input": str(), "output": str()}:
            yield from _llmstep(file)
        case {"suggestions": [*_], "accepted": _}:
            yield from _accepted(file, prompt_format)
        case _:
            for pair in read_pairs(file):
                yield from _pair(pair, prompt_format)


def _first_object(file: Path) -> object:
    """The first line of `file`, if it is JSON."""
    try:
        with file.open("rb") as lines:
            line = lines.readline()
            return json.loads(line) if line.startswith(b"{") else None
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror}): name a file of pairs.") from error
    except ValueError:
        return None


def _llmstep(file: Path) -> Iterator[Example]:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            prompt, answer = _input_and_output(file, number, line)
            if answer:
                yield Example(Prompt((Part(prompt),)), answer, prompt)


def _input_and_output(file: Path, number: int, line: bytes) -> tuple[str, str]:
    try:
        said: Any = json.loads(line)
    except ValueError:
        said = None
    match said:
        case {"input": str(prompt), "output": str(answer)}:
            return prompt, answer.removesuffix(_END).strip()
    raise InputError(f'Line {number} of {file} is not `{{"input": …, "output": …}}`, as the first one is.')


def _accepted(file: Path, prompt_format: PromptFormat) -> Iterator[Example]:
    """The steps that were taken, of those that were shown; of a file there is its name alone."""
    for record in read_accept_log(file):
        offer = record.offer
        if record.accepted is not None and offer.goals:
            answer = offer.suggestions[record.accepted].text
            yield from _rendered(prompt_format, offer.goals[0], answer, offer.context, offer.file)


def _pair(pair: Pair, prompt_format: PromptFormat) -> Iterator[Example]:
    # Where a model is asked, the declaration that is being proved is the last one of the context.
    context = f"{pair.context}\n\ntheorem {pair.declaration or '_'} :"
    group = f"{pair.file}\n{pair.declaration}"
    yield from _rendered(prompt_format, first_goal(pair.state_before), pair.tactic, context, group)


def _rendered(
    prompt_format: PromptFormat, goal: str, step: str, context: str, group: str
) -> Iterator[Example]:
    if goal and (answer := step.strip()):
        question = Question((parse_goal(goal),), prefix="", context=context, count=1)
        yield Example(prompt_format.prompt(question), prompt_format.answer(question, answer), group)


def read_all(files: list[Path], prompt_format: PromptFormat) -> Iterator[Example]:
    """The examples of all `files`, one after the other.

    Raises:
        InputError: one cannot be read, or is of no kind that is known.
    """
    return chain.from_iterable(read_examples(file, prompt_format) for file in files)
