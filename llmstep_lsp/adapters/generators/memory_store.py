"""Owns keeping candidates in memory."""

from collections import OrderedDict

from llmstep_lsp.domain.model import Candidate


class MemoryStore:
    """Implements `Store`: the last `answers` that were used."""

    def __init__(self, answers: int = 1000) -> None:
        self._limit = answers
        self._answers: OrderedDict[str, tuple[Candidate, ...]] = OrderedDict()

    async def get(self, key: str) -> tuple[Candidate, ...] | None:
        """As the protocol says."""
        if key in self._answers:
            self._answers.move_to_end(key)
        return self._answers.get(key)

    async def put(self, key: str, candidates: tuple[Candidate, ...]) -> None:
        """As the protocol says."""
        self._answers[key] = candidates
        self._answers.move_to_end(key)
        while len(self._answers) > self._limit:
            self._answers.popitem(last=False)
