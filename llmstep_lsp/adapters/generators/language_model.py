"""Owns the generator that asks a language model for steps, whatever engine runs it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from llmstep_lsp.adapters.generators.prompts import PromptFormat, choose_format
from llmstep_lsp.domain.completion import Completion
from llmstep_lsp.domain.model import Candidate
from llmstep_lsp.ports import Completer, Question


@dataclass(frozen=True)
class Sampling:
    """How many steps a model is asked for at most, and how.

    A step has at most `max_new_tokens` tokens.  Steps are sampled at `temperature` (0: the greedy
    one alone), or with `beams` found by a beam search.  With a `seed`, every engine that can draws the
    same ones again.
    """

    samples: int = 10  # as LLMSTEP's servers
    max_new_tokens: int = 128
    temperature: float = 0.7
    beams: bool = False
    seed: int | None = None


@dataclass(frozen=True)
class LanguageModel:
    """Implements `Generator`; the same question gets the same candidates, where the engine allows it.

    Without a `prompt_format`, the model is asked in the one for its name, once that is known.
    """

    name: str
    completer: Completer
    prompt_format: PromptFormat | None
    sampling: Sampling

    async def candidates(self, question: Question) -> AsyncGenerator[Candidate, None]:
        """As the port says; what does not start with the prefix is left out."""
        prompt_format = self.prompt_format or choose_format((await self.completer.ready()).model)
        if not question.goals or (question.rejected and not prompt_format.repairs):
            return
        lemmas = await question.lemmas() if prompt_format.wants_lemmas else ()
        completion = Completion(
            prompt_format.prompt(question, lemmas),
            count=min(question.count, self.sampling.samples),
            max_new_tokens=self.sampling.max_new_tokens,
            temperature=self.sampling.temperature,
            beams=self.sampling.beams,
            seed=self.sampling.seed or 0,
            repeatable=self.sampling.seed is not None,
            stop=prompt_format.stop,
            seconds=question.seconds,
        )
        told = {""}
        async with aclosing(self.completer.complete(completion)) as continuations:
            async for continuation in continuations:
                text = prompt_format.step(question, continuation.text)
                if text not in told and text.startswith(question.prefix.rstrip()):
                    told.add(text)
                    yield Candidate(text, self.name, continuation.score)

    def relevant(self, question: Question) -> str:
        """The part of the file's text that the model is shown, as far as that is known."""
        return self.prompt_format.relevant(question) if self.prompt_format else question.context

    async def aclose(self) -> None:
        """End the engine; it starts again at the next question."""
        await self.completer.aclose()
