"""Owns making as many choices as OpenAI's clients ask for, of a completer's distinct continuations."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from llmstep_lsp.domain.completion import Completion, Continuation
from llmstep_lsp.errors import GeneratorError

Complete = Callable[[Completion], AsyncGenerator[Continuation, None]]


async def choices(complete: Complete, completion: Completion) -> AsyncGenerator[Continuation, None]:
    """As many continuations as `completion` counts, or the beams that there are.

    The likeliest of the samples, which is most often drawn again, fills the places of those
    that were equal.

    Raises:
        GeneratorError: the model stopped answering.
    """
    told: list[Continuation] = []
    async with aclosing(complete(completion)) as found:
        async for continuation in found:
            told.append(continuation)
            yield continuation
    if not told:
        raise GeneratorError("The model answered nothing: ask again.")
    likeliest = max(told, key=lambda one: -float("inf") if one.score is None else one.score)
    for _ in range(0 if completion.beams else completion.count - len(told)):
        yield likeliest
