"""Owns how a language model is asked for a step, and how its answer is read; formats are data."""

from dataclasses import dataclass
from pathlib import PurePath


@dataclass(frozen=True)
class PromptFormat:
    """How models of one family are asked: `template` with a goal's `state` and the `prefix`.

    The models are those whose names contain one of `names`; what they write ends before
    the first of the strings `stop`.
    """

    name: str
    template: str
    names: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()

    def prompt(self, state: str, prefix: str) -> str:
        """What a model is to continue."""
        return self.template.format(state=state, prefix=prefix)


# Welleck and Saha, "LLMSTEP: LLM proofstep suggestions in Lean" (2023).  A model that does not end
# its answer goes on with the next example.
LLMSTEP = PromptFormat("llmstep", "[GOAL]{state}[PROOFSTEP]{prefix}", names=("llmstep",), stop=("[GOAL]",))
# Yang et al., "LeanDojo: Theorem Proving with Retrieval-Augmented Language Models" (2023).
REPROVER = PromptFormat("reprover", "{state}{prefix}", names=("leandojo", "reprover"))

FORMATS = (LLMSTEP, REPROVER)


def prompt_format(model: str) -> PromptFormat:
    """The format for a model of this name (of a directory, its last part); `LLMSTEP` if none claims it."""
    name = PurePath(model).name.lower()
    return next((f for f in FORMATS if any(part in name for part in f.names)), LLMSTEP)


def step(prefix: str, continuation: str) -> str:
    """The step that a model wrote after `prefix`; empty if there is none.

    Blanks at the end go; at the start they go only if the prefix does not stand there.
    Those that indent later lines stay.
    """
    return (prefix + continuation if prefix else continuation.lstrip()).rstrip()
