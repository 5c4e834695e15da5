"""Owns `llmstep-lsp generate`: candidates for the tactic `llmstep`, which judges them itself.

One JSON object on standard input, one on standard output; the shapes are those of the Lean package.
"""

import asyncio
import json
import os
import sys
from dataclasses import replace

from llmstep_lsp.adapters.lean.protocol import (
    CandidateShape,
    GenerateAnswer,
    GenerateRequest,
    from_json,
    to_json,
)
from llmstep_lsp.compose import Setup, make_generators
from llmstep_lsp.domain.goals import parse_goal
from llmstep_lsp.errors import InputError
from llmstep_lsp.ports import Question
from llmstep_lsp.service.propose import Proposals, propose


def generate() -> None:
    """Read a proof state as JSON and print candidates, not judged; for the Lean tactic `llmstep`.

    Raises:
        InputError: there is no request that can be read.
    """
    try:
        request = from_json(json.loads(sys.stdin.buffer.read().decode()), GenerateRequest)
    except ValueError as error:
        raise InputError(
            f"The request on standard input cannot be read: {error}. "
            "It comes from the Lean tactic `llmstep`; use an LLMStep and an llmstep-lsp of the same version."
        ) from error
    found = asyncio.run(_propose(request))
    answer = GenerateAnswer(
        tuple(CandidateShape(c.text, c.source, c.score) for c in found.candidates), found.failures
    )
    sys.stdout.buffer.write(json.dumps(to_json(answer), ensure_ascii=False).encode() + b"\n")


def _setup(request: GenerateRequest) -> Setup:
    """What the request and the environment choose; the request's model is the nearer one."""
    generators = os.environ.get("LLMSTEP_GENERATORS", "symbolic box").split()
    return Setup(generators=generators, model=request.model or os.environ.get("LLMSTEP_MODEL"))


async def _propose(request: GenerateRequest) -> Proposals:
    goals = tuple(parse_goal(goal) for goal in request.goals)
    question = Question(goals, request.prefix, request.context, request.count, request.seconds)
    generators, problems = make_generators(_setup(request))
    try:
        found = await propose(generators, question, request.seconds)
        return replace(found, failures=(*problems, *found.failures))
    finally:
        await asyncio.gather(*(generator.aclose() for generator in generators))
