"""Owns what is kept of each step that is compared, and of each model that is trained."""

from dataclasses import dataclass

from llmstep_lsp.evaluation.record import Outcome


@dataclass(frozen=True)
class Judged:
    """A step, what Lean said of it, how many goals it left, and how many milliseconds Lean took."""

    text: str
    status: str
    goals: int
    milliseconds: float
    score: float | None = None


@dataclass(frozen=True)
class Asked:
    """The candidates that begin with `prefix`, which has so many `tokens`; those of the best score first.

    `best` is the place of the one that the product shows first, among those that Lean accepts.
    """

    tokens: int
    prefix: str
    candidates: tuple[Judged, ...]
    best: int | None


@dataclass(frozen=True)
class StepRecord:
    """What `generator` proposed where a person wrote `human`; `line` and `column` are from 1."""

    generator: str
    file: str
    line: int
    column: int
    declaration: str
    outcome: Outcome
    reason: str = ""
    human: Judged | None = None
    asked: tuple[Asked, ...] = ()

    @property
    def key(self) -> tuple[str, int, int]:
        """What tells it from the others."""
        return self.file, self.line, self.column


@dataclass(frozen=True)
class ModelRecord:
    """A trained model: as it was described, its name here, and what is known of it without Lean.

    `loss` is that on held-out pairs, in nats a token, of the best checkpoint; None if none were held
    out.  It was trained for `steps`, over the pairs `epochs` times, and takes the median of
    `milliseconds` for a question.
    """

    model: str
    name: str
    architecture: str
    parameters: int
    loss: float | None
    steps: int
    epochs: float
    milliseconds: float
    outcome: Outcome = Outcome.JUDGED

    @property
    def key(self) -> str:
        """What tells it from the others."""
        return self.model
