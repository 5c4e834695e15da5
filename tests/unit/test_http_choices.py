"""As many choices as OpenAI's clients ask for, of a completer that gives distinct continuations."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

import pytest

from llmstep_lsp.domain.completion import Completion, Continuation, Part, Prompt
from llmstep_lsp.edge.http.choices import Complete, choices
from llmstep_lsp.errors import GeneratorError

ASKED = Completion(Prompt((Part("⊢ p"),)), count=3)


def completer(*texts: str, error: GeneratorError | None = None) -> Complete:
    """Samples `texts`, the second one the likeliest."""

    async def complete(completion: Completion) -> AsyncGenerator[Continuation, None]:
        for i, text in enumerate(texts[: completion.count]):
            yield Continuation(text, -abs(i - 1.0))
        if error:
            raise error

    return complete


async def texts(complete: Complete, completion: Completion = ASKED) -> list[str]:
    return [one.text async for one in choices(complete, completion)]


@pytest.mark.parametrize(
    ("samples", "count", "expected"),
    [
        (["simp", "omega", "ring"], 3, ["simp", "omega", "ring"]),
        (["simp", "omega"], 4, ["simp", "omega", "omega", "omega"]),
        (["simp"], 1, ["simp"]),
    ],
)
async def test_there_are_as_many_as_asked_for(
    samples: Sequence[str], count: int, expected: list[str]
) -> None:
    assert await texts(completer(*samples), replace(ASKED, count=count)) == expected


async def test_beams_are_as_they_are_found() -> None:
    assert await texts(completer("simp", "rfl"), replace(ASKED, beams=True)) == ["simp", "rfl"]


async def test_what_fails_is_told() -> None:
    with pytest.raises(GeneratorError, match="It ended"):
        await texts(completer("simp", error=GeneratorError("It ended.")))


async def test_a_model_that_says_nothing_is_an_error() -> None:
    with pytest.raises(GeneratorError, match="answered nothing"):
        await texts(completer())
