"""Owns the one tree of errors that a person can meet.

Every message says what happened and what to do next; whoever catches `LlmstepError`
can show `str(error)` as it is.

    LlmstepError
    ├── InputError            what the person asked for does not exist or does not parse
    ├── LeanError
    │   ├── LeanNotFoundError     no Lean to run
    │   ├── LeanInstallError      the WebAssembly Lean could not be installed
    │   ├── LeanHookError         our Lean package cannot be compiled or asked
    │   ├── LeanExtractError      the proofs of a file cannot be read
    │   ├── LeanImportError       the imports of the file cannot be loaded
    │   ├── LeanGoneError         Lean ended, or does not speak its protocol
    │   └── LeanRequestError      Lean answered a request with an error
    ├── GeneratorError        a generator cannot be started or stopped answering
    ├── TrainingError         a model cannot be trained
    ├── StaleError            the document changed before there was an answer
    └── CacheError            what is remembered on disk cannot be read or written
"""


class LlmstepError(Exception):
    """Base of all errors of this package."""


class InputError(LlmstepError):
    """What the person asked for does not exist or does not parse."""


class LeanError(LlmstepError):
    """Base of everything that goes wrong between us and Lean."""


class LeanNotFoundError(LeanError):
    """No Lean to run."""


class LeanInstallError(LeanError):
    """The WebAssembly Lean could not be installed."""


class LeanHookError(LeanError):
    """Our Lean package cannot be compiled or asked, so candidates are judged without it."""


class LeanExtractError(LeanError):
    """The proofs of a file cannot be read; those of others may."""


class LeanImportError(LeanError):
    """The imports of the file cannot be loaded."""


class LeanGoneError(LeanError):
    """Lean ended, or does not speak its protocol."""


class LeanRequestError(LeanError):
    """Lean answered a request with an error; `code` is the JSON-RPC code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class GeneratorError(LlmstepError):
    """A generator cannot be started or stopped answering."""


class TrainingError(LlmstepError):
    """A model cannot be trained."""


class StaleError(LlmstepError):
    """The document changed before there was an answer about it."""


class CacheError(LlmstepError):
    """What is remembered on disk cannot be read or written."""
