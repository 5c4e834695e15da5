"""Owns the seams of the product: who proposes steps, who judges them, and who continues prompts."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from llmstep_lsp.domain.completion import Completion, Continuation, Model
from llmstep_lsp.domain.extraction import Counts, Extracted, Source
from llmstep_lsp.domain.model import Candidate, Goal, NothingToProve, ProofState, Site, Snapshot, Verdict


async def no_lemmas() -> tuple[str, ...]:
    """What `Question.lemmas` says where no Lean can be asked."""
    return ()


@dataclass(frozen=True)
class Rejection:
    """A step that Lean turned down, and what it said."""

    text: str
    reason: str


@dataclass(frozen=True)
class Question:
    """What a generator is asked: steps for `goals[0]` that start with `prefix`.

    `context` is the file's text before the site.  At most `count` answers are wanted,
    within `seconds` (None: without limit); whoever asks closes the iterator then.
    `toolchain` says which Lean it is, as far as that is known.  Lean itself names `lemmas`
    of the library that may help, nearest first; that can take a while.  `rejected` are
    steps that have been tried already, the most promising first.
    """

    goals: tuple[Goal, ...]
    prefix: str
    context: str
    count: int
    seconds: float | None = None
    toolchain: str = ""
    rejected: tuple[Rejection, ...] = ()
    lemmas: Callable[[], Awaitable[tuple[str, ...]]] = field(default=no_lemmas, compare=False)


class Generator(Protocol):
    """Proposes candidates, the most promising or cheapest to check first.

    Each starts with the prefix and has the generator's name as its source.  To cancel,
    close the iterator.
    """

    @property
    def name(self) -> str:
        """What candidates carry as their source."""

    def candidates(self, question: Question) -> AsyncGenerator[Candidate, None]:
        """Candidates as they come.

        Raises:
            GeneratorError: it cannot be started, or stopped answering.
        """

    async def aclose(self) -> None:
        """End whatever it holds; it starts again when it is next asked."""


@dataclass(frozen=True)
class LeanStatus:
    """Which Lean judges the candidates of a document, and how.

    `command` runs that Lean; it is empty where there is none, and where the editor lends it (`lent`).
    `reason` is a sentence for a person: why this one, or why none.  `running` says whether one runs
    for the document now.  `batches` says whether it judges a whole batch at once, by our Lean
    package, or, for the reason `obstacle`, one candidate by one; None as long as that is not known.
    """

    command: tuple[str, ...]
    reason: str
    lent: bool = False
    running: bool = False
    batches: bool | None = None
    obstacle: str = ""


class Prover(Protocol):
    """Reads proof states and judges candidates.  Any method may raise a `LeanError`."""

    async def locate(self, snapshot: Snapshot, sites: Sequence[Site]) -> ProofState | NothingToProve:
        """The proof state at the first of `sites` that holds and has a goal."""

    async def lemmas(self, state: ProofState) -> tuple[str, ...]:
        """Names of lemmas of the imported library that may help with the first goal of `state`.

        The nearest come first; there are none where Lean cannot say or is not ready.
        """

    def check(self, state: ProofState, texts: Sequence[str]) -> AsyncGenerator[tuple[str, Verdict], None]:
        """What Lean says of each of `texts`, inserted at the state's site exactly as `Site` describes.

        A verdict comes with its text as soon as it is known, so not always in the order of
        `texts`.  To cancel, close the iterator.
        """

    async def status(self, uri: str) -> LeanStatus:
        """Which Lean judges the candidates of document `uri`, without starting it; raises nothing."""

    async def aclose(self) -> None:
        """End Lean; it starts again when it is next needed."""


class Completer(Protocol):
    """Continues prompts, by a model in a process of ours or behind a URL."""

    async def ready(self) -> Model:
        """The model, once it is loaded; starts it if need be.

        Raises:
            GeneratorError: it cannot be had.
        """

    def complete(self, completion: Completion) -> AsyncGenerator[Continuation, None]:
        """Distinct continuations as they come, prompts that are too long cut as `domain.completion.cut` says.

        To cancel, close the iterator.

        Raises:
            GeneratorError: the model cannot be had, or stopped answering.
        """

    async def aclose(self) -> None:
        """End whatever it holds; it starts again when it is next asked."""


class LeanLender(Protocol):
    """A Lean server that somebody else runs, and in which we may have documents of our own."""

    @property
    def shelf(self) -> Path | None:
        """A place on its search path, not there yet, where a folder of compiled modules may be linked."""

    async def ready(self) -> bool:
        """Whether it can be asked, once that is known; if not, we need a Lean of our own.

        Raises:
            LeanGoneError: it ended, and was not started again in time.
        """

    async def request(self, method: str, params: Any) -> Any:
        """The server's result.  Cancelling the caller cancels the request in the server, too.

        Raises:
            LeanRequestError: it answered with an error.
            LeanGoneError: it ended before it answered.
        """

    def notify(self, method: str, params: Any) -> None:
        """Tell it something that it does not answer.

        Raises:
            LeanGoneError: it has ended.
        """

    def listen(
        self, uri: str, heard: Callable[[str, Any], None], ended: Callable[[], None]
    ) -> Callable[[], None]:
        """Call `heard` with what the server notifies about document `uri`, until the result is called.

        If the server ends before, and all its documents with it, `ended` is called instead.  The
        borrower, who opens the document, hears of it alone.
        """


class Extractor(Protocol):
    """Reads the proofs of Lean files."""

    async def digest(self, source: Source) -> str:
        """What the pairs of `source` depend on, as far as that is known.

        Raises:
            LeanExtractError: it cannot be read.
            LlmstepError: neither can any other file.
        """

    async def extract(self, source: Source) -> Extracted:
        """The steps of `source` that Lean has accepted.

        Raises:
            LeanExtractError: it cannot be read.
            LlmstepError: neither can any other file.
        """


class Shelf(Protocol):
    """Keeps what was read from files."""

    def find(self, source: Source, digest: str) -> Counts | None:
        """How much was read from `source`, if it had this digest."""

    def put(self, source: Source, digest: str, extracted: Extracted) -> None:
        """Keep what was read from `source`; what was kept of it before is gone.

        Raises:
            LlmstepError: it cannot be kept.
        """
