"""Owns the words of the product: snapshot, goal, candidate, verdict, suggestion."""

from dataclasses import dataclass, field
from enum import StrEnum

from llmstep_lsp.domain.text import Edit, Position, Range


@dataclass(frozen=True)
class Snapshot:
    """A document as it was when somebody asked; `text` has LF line ends."""

    uri: str
    version: int
    text: str


@dataclass(frozen=True)
class Hypothesis:
    """One line of a local context: `names : type` or `name : type := value`."""

    names: tuple[str, ...]
    type: str
    value: str | None = None


@dataclass(frozen=True)
class Goal:
    """A goal; `text` is Lean's own rendering of it, the rest is read from there."""

    text: str
    target: str
    hypotheses: tuple[Hypothesis, ...] = ()
    case: str | None = None


@dataclass(frozen=True)
class Site:
    """One reading of where a candidate goes: replace `range` by `lead`, candidate, `tail`.

    The candidate's later lines are indented to `column`.  Its text starts with `prefix`.
    `complete`, if any, is text before the site that Lean must have accepted for this
    reading to hold.
    """

    range: Range
    lead: str
    column: int
    tail: str = ""
    prefix: str = ""
    complete: Range | None = None


@dataclass(frozen=True)
class ProofState:
    """The goals that a candidate meets at `site`.

    `errors` are those that Lean reports above the site without a candidate; `fails_below`
    says whether it reports any behind the site in the same command, `complete` whether it
    reports none at all in that command: the proof is finished as it stands.  `toolchain`
    tells the Lean from others.
    """

    snapshot: Snapshot
    site: Site
    goals: tuple[Goal, ...]
    errors: frozenset[tuple[Position, str]] = frozenset()
    fails_below: bool = False
    complete: bool = False
    toolchain: str = ""


@dataclass(frozen=True)
class NothingToProve:
    """There is no goal at the position; `reason` is a sentence for a person."""

    reason: str


@dataclass(frozen=True)
class Candidate:
    """A step that somebody proposes; `score` is the mean token log-probability, if there is one."""

    text: str
    source: str
    score: float | None = None


class Status(StrEnum):
    """What Lean says of a candidate."""

    FINISHES = "finishes"
    CLOSES = "closes"
    ADVANCES = "advances"
    REJECTED = "rejected"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Verdict:
    """A status, the goals that remain after it, and why (Lean's message or our reason).

    `proposals` are steps that Lean itself proposed meanwhile ("Try this"); `milliseconds`
    is what it took to know.
    """

    status: Status
    goals: tuple[Goal, ...] = ()
    reason: str = ""
    proposals: tuple[str, ...] = ()
    milliseconds: float = field(default=0.0, compare=False)

    @property
    def accepted(self) -> bool:
        """Whether Lean accepted the candidate; only then may it be shown."""
        return self.status in {Status.FINISHES, Status.CLOSES, Status.ADVANCES}


@dataclass(frozen=True)
class Suggestion:
    """A candidate that Lean accepted, with the edit that inserts exactly what was checked."""

    candidate: Candidate
    verdict: Verdict
    edit: Edit
