"""Owns the generator that asks a server of the llmstep protocol, such as the original's.

Protocol of https://github.com/wellecks/llmstep (`python/server.py` and its variants): POST
`{"tactic_state", "prefix", "context"}`; the answer is `{"suggestions": [text, …]}` or
`{"error": text}`, always with the status 200.  It has no scores, and mostly no order.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from typing import Any

from llmstep_lsp.adapters.generators.keys import is_private
from llmstep_lsp.adapters.generators.model_server import ModelServer
from llmstep_lsp.domain.model import Candidate
from llmstep_lsp.errors import GeneratorError
from llmstep_lsp.ports import Question

# Seconds in which a server answers that nobody gave a time; it is silent until it has all.
_SILENCE = 300.0


class LlmstepGenerator:
    """Implements `Generator`; how many steps there are, and how they are found, is the server's choice."""

    name = "llmstep"

    def __init__(self, url: str) -> None:
        # The original needs no key, so over plain http it goes without; `llmstep-lsp serve` may want one.
        self._server = ModelServer(url, silence=_SILENCE, keyed=is_private(url))

    async def candidates(self, question: Question) -> AsyncGenerator[Candidate, None]:
        """As the port says, all at once; none if steps were rejected, as the server cannot be told."""
        if not question.goals or question.rejected:
            return
        told = {"": 0}
        for suggestion in await self._suggestions(question):
            for text in _readings(question.prefix, suggestion):
                if text not in told and len(told) <= question.count:
                    told[text] = len(told)
                    yield Candidate(text, self.name)

    async def aclose(self) -> None:
        """Close the connections; they open again at the next question."""
        await self._server.aclose()

    async def _suggestions(self, question: Question) -> list[str]:
        server = self._server
        body = {
            "tactic_state": question.goals[0].text,
            "prefix": question.prefix,
            "context": question.context,
        }
        deadline = None
        if question.seconds is not None:
            deadline = asyncio.get_running_loop().time() + question.seconds
        try:
            async with asyncio.timeout_at(deadline):
                answer: Any = await server.json("POST", server.url, body, deadline=deadline)
        except TimeoutError as error:
            raise GeneratorError(
                f"The llmstep server {server.url} sent nothing within {question.seconds:g} seconds: it hangs "
                "or is too slow for that; look into its log, allow more time, or give it a smaller model."
            ) from error
        match answer:
            case {"suggestions": [*suggestions]} if all(isinstance(text, str) for text in suggestions):
                return suggestions
            case {"error": said}:
                raise GeneratorError(
                    f"The llmstep server {server.url} failed ({said}): look into its log, and ask again."
                )
        raise server.strange(str(answer))


def _readings(prefix: str, suggestion: str) -> Iterator[str]:
    """The steps that `suggestion` may mean, each with the prefix.

    The original's servers put the prefix before what their model wrote, also where the model has
    written it itself; others may leave it out.
    """
    rest = suggestion.removeprefix(prefix)
    yield (prefix + rest if prefix else rest.lstrip()).rstrip()
    if prefix.strip() and suggestion.startswith(prefix) and rest.lstrip().startswith(prefix.strip()):
        yield rest.strip()
