"""Owns how Lean reads the steps of a file's proofs: one run of `LLMStep.RunExtract` for each file."""

import asyncio
import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cattrs import BaseValidationError, structure

from llmstep_lsp.adapters.lean.command import run
from llmstep_lsp.adapters.lean.hook_library import HookLibrary
from llmstep_lsp.adapters.lean.toolchain import Toolchain, find_toolchain
from llmstep_lsp.domain.extraction import Counts, Extracted, Source
from llmstep_lsp.domain.pairs import CONTEXT_CHARACTERS, Pair
from llmstep_lsp.domain.text import position, to_lf
from llmstep_lsp.errors import LeanExtractError

_MODULE = "LLMStep.RunExtract"
# Another number wherever other pairs are made of what Lean answers.
_EDITION = 1
_SHOWN_CHARACTERS = 500
_INDENT = 2


@dataclass(frozen=True)
class _Step:
    """See `LLMStep.Step`."""

    start: int
    stop: int
    block: int
    above: int
    declaration: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    premises: tuple[str, ...]


@dataclass(frozen=True)
class _Answer:
    """See `LLMStep.Extracted`."""

    steps: tuple[_Step, ...]
    sorries: int
    errors: int


class LeanExtractor:
    """Reads files by the Lean that each gets, in up to `seconds`; `lean` is what the person chose."""

    def __init__(self, lean: str | None, seconds: float) -> None:
        self._lean = lean
        self._seconds = seconds
        self._library = HookLibrary(_MODULE)

    async def digest(self, source: Source) -> str:
        """What the pairs of `source` depend on: its text and name, Lean, and how we read it.

        Raises:
            LeanExtractError: it cannot be read.
            LeanHookError: our Lean package cannot be had for its Lean.
            LeanNotFoundError: there is no Lean.
        """
        folder = await self._library.folder(find_toolchain(source.path, self._lean))
        content = hashlib.sha256(f"{_EDITION}\n{folder.name}\n{source.name}\n".encode())
        content.update(_bytes(source.path))
        return content.hexdigest()

    async def extract(self, source: Source) -> Extracted:
        """The steps of `source` that Lean has accepted.

        Raises:
            LeanExtractError: its imports are not there, it takes too long, or it ends Lean.
            LeanHookError: our Lean package cannot be had for its Lean.
            LeanNotFoundError: there is no Lean.
        """
        toolchain = find_toolchain(source.path, self._lean)
        package = await self._library.folder(toolchain)
        text = _text(source.path)
        with tempfile.TemporaryDirectory(prefix="llmstep-") as folder:
            answer = Path(folder) / "answer.json"
            try:
                async with asyncio.timeout(self._seconds):
                    setup = await _set_up(toolchain, source.path, Path(folder))
                    await _run_lean(toolchain, package, (str(source.path), str(answer), *setup))
            except TimeoutError as error:
                raise LeanExtractError(
                    f"Lean did not finish in {self._seconds:g} s; give it more by --seconds"
                ) from error
            except OSError as error:
                raise LeanExtractError(f"{toolchain.lean[0]} cannot be run: {error.strerror}") from error
            found = _read(answer)
        declarations = len({(step.declaration, step.above) for step in found.steps})
        return Extracted(
            tuple(_pair(source, text, step) for step in found.steps),
            Counts(len(found.steps), declarations, found.sorries, found.errors),
        )

    async def aclose(self) -> None:
        """Stop compiling our Lean package."""
        await self._library.aclose()


async def _set_up(toolchain: Toolchain, file: Path, folder: Path) -> tuple[str, ...]:
    """A file in `folder` with the options and the name under which Lake has `file` elaborated, if it does."""
    if not toolchain.lake:
        return ()
    code, printed, errors = await run(
        (*toolchain.lake, "setup-file", str(file), "--no-build", "--no-cache"), toolchain.root
    )
    if code != 0:
        raise LeanExtractError(
            f"Lake does not let it be read before it is built: run `lake build` in {toolchain.root}. "
            + _shortened(errors)
        )
    setup = folder / "setup.json"
    setup.write_text(printed)
    return (str(setup),)


async def _run_lean(toolchain: Toolchain, package: Path, arguments: tuple[str, ...]) -> None:
    inherited = os.environ.get("LEAN_PATH")
    paths = os.pathsep.join([*([inherited] if inherited else []), str(package)])
    program = package / f"{_MODULE.replace('.', '/')}.lean"
    code, printed, errors = await run(
        (*toolchain.lean, "--run", str(program), *arguments),
        toolchain.root,
        {**os.environ, "LEAN_PATH": paths},
    )
    if code != 0:
        said = _shortened((errors.strip() or printed.strip()).removeprefix("uncaught exception: "))
        raise LeanExtractError(said if code == 1 and said else f"Lean ended with exit code {code}. {said}")


def _read(answer: Path) -> _Answer:
    try:
        return structure(json.loads(answer.read_bytes()), _Answer)
    except (OSError, ValueError, BaseValidationError) as error:
        raise LeanExtractError("Lean ended without an answer that can be read") from error


def _pair(source: Source, text: bytes, step: _Step) -> Pair:
    above = text[: step.start].decode()
    place = position(above, len(above))
    block = text[: step.block].decode()
    return Pair(
        state_before="\n\n".join(step.before),
        tactic=_alone(
            text[step.start : step.stop].decode(), place.column, position(block, len(block)).column
        ),
        state_after="\n\n".join(step.after),
        declaration=step.declaration,
        file=source.name,
        line=place.line + 1,
        column=place.column + 1,
        context=text[: step.above].decode()[-CONTEXT_CHARACTERS:],
        premises=step.premises,
    )


def _alone(tactic: str, column: int, block: int) -> str:
    """`tactic`, which stood at `column` of a block at column `block`, as it is written at column 0."""
    first, *later = tactic.split("\n")
    least = min((len(line) - len(line.lstrip(" ")) for line in later if line.strip()), default=0)
    if least > column:
        shift = column
    elif least >= block:  # the step stands behind another one on its line
        shift = block
    else:  # Lean did not mind where they begin
        shift = least - _INDENT
    return "\n".join([first, *(line[shift:] if shift > 0 else " " * -shift + line for line in later)])


def _text(path: Path) -> bytes:
    """The text of a file, as Lean counts it."""
    try:
        return to_lf(_bytes(path).decode()).encode()
    except UnicodeDecodeError as error:
        raise LeanExtractError(f"it is not UTF-8 text (byte {error.start})") from error


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise LeanExtractError(f"it cannot be read: {error.strerror}") from error


def _shortened(said: str) -> str:
    said = said.strip()
    return said if len(said) <= _SHOWN_CHARACTERS else f"{said[:_SHOWN_CHARACTERS]}…"
