"""Proposes the lines that the file above is made of, the most frequent first."""

from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass

from llmstep_lsp.domain.model import Candidate
from llmstep_lsp.ports import Question


@dataclass
class Habits:
    """Proposes what stands there at least `least` times."""

    least: int
    name: str = "habits"

    async def candidates(self, question: Question) -> AsyncGenerator[Candidate, None]:
        """The steps that start with the prefix."""
        for text, times in Counter(map(str.strip, question.context.splitlines())).most_common():
            if times >= self.least and text.startswith(question.prefix):
                yield Candidate(text, self.name)

    async def aclose(self) -> None:
        """Nothing is held."""


def make(options: Mapping[str, str]) -> Habits:
    """What the entry point names."""
    return Habits(least=int(options.get("least", 1)))
