"""Owns how a language model is asked for a step, and how its answer is read; formats are data.

A format is a TOML file: those in `formats/`, or one that the user names.
"""

import re
import string
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from itertools import chain
from pathlib import Path, PurePath

from llmstep_lsp.adapters.generators.options import read_options
from llmstep_lsp.adapters.generators.veil import Veil, all_placeholders, veil_over
from llmstep_lsp.domain.completion import Part, Prompt
from llmstep_lsp.domain.goals import blocks
from llmstep_lsp.domain.model import Goal
from llmstep_lsp.domain.retrieval import Declaration, declarations, nearest
from llmstep_lsp.errors import InputError
from llmstep_lsp.ports import Question, Rejection
from llmstep_lsp.worker.description import PROMPT

# How many declarations of the file are offered at most: models lose sight of the goal among many.
_DECLARATIONS = 12
# How many steps that Lean turned down a model is shown, and how much of what Lean said.
_REJECTIONS = 4
_REASON = 400

# A model is asked in the first of these that claims its name; if none does, as LLMSTEP's models.
_BUILTIN = ("llmstep", "reprover", "names", "chat", "few-shot")
_DEFAULT = "llmstep"
# Which parts go first if a prompt is too long: declarations have ranks up to this one, lemmas up to 0.
_CONTEXT_RANK = -1_000_000
_INSTANCE_RANK = 1
_INSTANCE = re.compile(r"inst(?:✝[¹²³⁴⁵⁶⁷⁸⁹⁰]*)?(?: |\Z)")
_MARKER = re.compile(r"\[[A-Z_]+\]")
_FENCED = re.compile(r"```[^\n]*\n(?P<code>.*?)(?:\n```|\Z)", re.DOTALL)


@dataclass(frozen=True)
class PromptFormat:
    """How models are asked whose names contain one of `models`.

    `template` has the fields {state}, {prefix}, {context} (a `declaration` for each
    declaration of the file that is near to the goal, in their order there), {lemmas} (a
    `lemma` for each that Lean names), {rejected} (a `rejection` for each step that Lean
    turned down) and {start} (`start`, if there is a prefix).  What the model writes ends
    before the first of the strings `stop`.  With `system`, it is a chat: the answer is the
    step itself, from its beginning on, perhaps in a code block.  With `veiled`, the model sees
    placeholders for the names of these declarations and of the goal's hypotheses, and writes such.
    """

    name: str
    template: str
    models: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    system: str | None = None
    declaration: str = ""
    lemma: str = ""
    rejection: str = ""
    start: str = ""
    veiled: bool = False

    def __post_init__(self) -> None:
        for template, known in (
            (self.template, {"state", "prefix", "context", "lemmas", "rejected", "start"}),
            (self.declaration, {"name", "text"}),
            (self.lemma, {"name"}),
            (self.rejection, {"text", "reason"}),
            (self.start, {"prefix"}),
        ):
            if unknown := _fields(template) - known:
                raise ValueError(
                    f"there is no field {{{min(unknown)}}}, only {{{'}, {'.join(sorted(known))}}}"
                )
        if "state" not in _fields(self.template):
            raise ValueError("the template has no {state}, so the model would not know the goal")

    @property
    def wants_lemmas(self) -> bool:
        """Whether a prompt names lemmas of the library."""
        return "lemmas" in _fields(self.template)

    @property
    def repairs(self) -> bool:
        """Whether a prompt shows steps that Lean turned down."""
        return "rejected" in _fields(self.template)

    @property
    def markers(self) -> tuple[str, ...]:
        """What is one word to a model of this format: what stands in brackets, and placeholders."""
        found = _MARKER.findall(self.template + self.declaration)
        return tuple(dict.fromkeys([*found, *(all_placeholders(_DECLARATIONS) if self.veiled else ())]))

    def prompt(self, question: Question, lemmas: Sequence[str] = ()) -> Prompt:
        """What a model is to continue.

        If that is too long, declarations of the file go first, the least relevant before
        the others, then lemmas of the library, then instances among the hypotheses.
        """
        veil = self._veil(question)
        pieces = {
            "state": [replace(part, text=veil.hide(part.text)) for part in _state(question.goals[0])],
            "prefix": [Part(veil.hide(question.prefix))],
            "context": list(self._context(question)) if self.declaration else [],
            "lemmas": [Part(self.lemma.format(name=name), -i) for i, name in enumerate(lemmas)],
            "rejected": [self._rejected(one) for one in question.rejected[:_REJECTIONS]],
            "start": [Part(self.start.format(prefix=question.prefix))] if question.prefix else [],
        }
        parts: list[Part] = []
        for text, field, *_ in string.Formatter().parse(self.template):
            parts += [Part(text), *(pieces[field] if field else [])]
        return Prompt(tuple(part for part in parts if part.text), self.system)

    def relevant(self, question: Question) -> str:
        """The declarations of the file that `prompt` shows."""
        if not self.declaration or not question.goals:
            return ""
        return "".join(self.declaration.format(name=one.name, text=one.text) for one in _near(question))

    def answer(self, question: Question, step: str) -> str:
        """What a model is to write where `step` is wanted."""
        return self._veil(question).hide(step)

    def step(self, question: Question, continuation: str) -> str:
        """The step that a model wrote, which was asked `question`; empty if there is none.

        Blanks at the end go; at the start they go only if the prefix does not stand there.
        Those that indent later lines stay.
        """
        if self.system is not None:
            found = _FENCED.search(continuation)
            return (found["code"] if found else continuation).strip("\n").rstrip()
        written = self._veil(question).show(continuation)
        if written is None:
            return ""
        return (question.prefix + written if question.prefix else written.lstrip()).rstrip()

    def _context(self, question: Question) -> Iterator[Part]:
        """The declarations of the file, in its order; the farther from the goal, the sooner they go."""
        veil = self._veil(question)
        for one, rank in _near(question).items():
            text = self.declaration.format(name=one.name, text=one.text)
            yield Part(veil.hide(text), _CONTEXT_RANK - rank)

    def _veil(self, question: Question) -> Veil:
        if not self.veiled:
            return veil_over(())
        return veil_over(_near(question), chain.from_iterable(h.names for h in question.goals[0].hypotheses))

    def _rejected(self, rejection: Rejection) -> Part:
        return Part(self.rejection.format(text=rejection.text, reason=rejection.reason[:_REASON]))


def _near(question: Question) -> dict[Declaration, int]:
    """The declarations of the file that are nearest to the goal, in their order there; and how near."""
    declared = declarations(question.context)
    ranks = {one: rank for rank, one in enumerate(nearest(question.goals[0], declared)[:_DECLARATIONS])}
    return {one: ranks[one] for one in declared if one in ranks}


def choose_format(model: str, chosen: str | None = None) -> PromptFormat:
    """The format `chosen`, by its name or as a file, or else the one for the model of this name or directory.

    That is what its directory says, if it was trained here; or else the format that claims its
    name, of a directory the last part; `llmstep` if none does.

    Raises:
        InputError: there is no such format, or its file cannot be read.
    """
    name, text = format_source(model, chosen)
    try:
        return read_format(name, text)
    except ValueError as error:
        raise InputError(f"The prompt format {chosen or name} cannot be read: {error}.") from error


def format_source(model: str, chosen: str | None) -> tuple[str, str]:
    """The name and the TOML text of the format that `choose_format` chooses.

    Raises:
        InputError: there is no such format, or its file cannot be read.
    """
    if chosen is None and model and (Path(model) / PROMPT).is_file():
        return _read_file(Path(model) / PROMPT)
    formats = builtin_formats()
    if chosen is None:
        last = PurePath(model).name.lower()
        claims = (one.name for one in formats.values() if any(part in last for part in one.models))
        chosen = next(claims, _DEFAULT)
    if chosen in formats:
        return chosen, _builtin_text(chosen)
    if not Path(chosen).is_file():
        raise InputError(
            f"There is no prompt format {chosen}: choose {', '.join(formats)}, or a file of your own."
        )
    return _read_file(Path(chosen))


def _read_file(file: Path) -> tuple[str, str]:
    try:
        return file.stem, file.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise InputError(f"The prompt format {file} cannot be read: {error}.") from error


@cache
def builtin_formats() -> dict[str, PromptFormat]:
    """The formats that come with llmstep-lsp, by their names."""
    return {name: read_format(name, _builtin_text(name)) for name in _BUILTIN}


def _builtin_text(name: str) -> str:
    return (resources.files("llmstep_lsp.adapters.generators") / "formats" / f"{name}.toml").read_text(
        "utf-8"
    )


def read_format(name: str, text: str) -> PromptFormat:
    """The format that a TOML file says.

    Raises:
        ValueError: it says none.
    """
    return read_options({"name": name} | tomllib.loads(text), PromptFormat)


def _state(goal: Goal) -> Iterator[Part]:
    """The goal as Lean shows it, an instance among its hypotheses a part that may go."""
    lines = blocks(goal.text)
    for i, block in enumerate(lines):
        instance = _INSTANCE.match(block)
        yield Part(block + "\n" * (i < len(lines) - 1), _INSTANCE_RANK + i if instance else None)


def _fields(template: str) -> set[str]:
    return {field for _, field, *_ in string.Formatter().parse(template) if field is not None}
