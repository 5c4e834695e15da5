"""Owns the generator that remembers what another one proposed.

Only candidates are remembered: whether they are valid, Lean is asked each time.
"""

import hashlib
import json
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Protocol

from llmstep_lsp.domain.model import Candidate
from llmstep_lsp.ports import Generator, Question


class Store(Protocol):
    """Keeps candidates by keys, as long as there is room."""

    async def get(self, key: str) -> tuple[Candidate, ...] | None:
        """What was kept; never fails."""

    async def put(self, key: str, candidates: tuple[Candidate, ...]) -> None:
        """Keep; never fails."""


class CachedGenerator:
    """Implements `Generator`; `inner` is asked what no one of `stores`, quickest first, remembers.

    `identity` tells it from other generators, and `relevant` which part of a question's
    context bears on its answer.
    """

    def __init__(
        self,
        inner: Generator,
        identity: str,
        stores: Sequence[Store],
        relevant: Callable[[Question], str],
    ) -> None:
        self._inner = inner
        self._identity = identity
        self._stores = stores
        self._relevant = relevant

    @property
    def name(self) -> str:
        """What candidates carry as their source."""
        return self._inner.name

    async def candidates(self, question: Question) -> AsyncGenerator[Candidate, None]:
        """As the port says; an answer that was not waited for to its end is not remembered."""
        key = question_key(question, self._identity, self._relevant(question))
        for i, store in enumerate(self._stores):
            known = await store.get(key)
            if known is not None:
                for candidate in known:
                    yield candidate
                for quicker in self._stores[:i]:
                    await quicker.put(key, known)
                return
        found: list[Candidate] = []
        started = time.monotonic()
        async with aclosing(self._inner.candidates(question)) as proposed:
            async for candidate in proposed:
                found.append(candidate)
                yield candidate
        if question.seconds is None or time.monotonic() - started < question.seconds:
            for store in self._stores:
                await store.put(key, tuple(found))

    async def aclose(self) -> None:
        """End the generator; what is remembered stays."""
        await self._inner.aclose()


def question_key(question: Question, identity: str, context: str) -> str:
    """The key of a question to the generator `identity`, of whose context only `context` counts."""
    said = (
        [goal.text for goal in question.goals],
        hashlib.sha256(context.encode("utf-8", "surrogatepass")).hexdigest(),
        question.prefix,
        question.count,
        identity,
        question.toolchain,
        [(one.text, one.reason) for one in question.rejected],
    )
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()
