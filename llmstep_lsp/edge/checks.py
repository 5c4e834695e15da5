"""Owns what `llmstep-lsp doctor` looks at: each check is one function, and `phases` names them all.

A check returns what it found, or None where it has nothing to say.  To add one, write it and give
it a title in `phases`; time limits, errors and printing are seen to elsewhere.
"""

import asyncio
import errno
import os
import platform
import re
import shutil
import socket
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from llmstep_lsp import __version__
from llmstep_lsp.adapters.lean import wasm
from llmstep_lsp.adapters.lean.command import run
from llmstep_lsp.adapters.lean.hook_library import hook_state
from llmstep_lsp.adapters.lean.toolchain import Toolchain, find_toolchain
from llmstep_lsp.cache import cache_root, log_file
from llmstep_lsp.compose import Parts, Setup, make_generators
from llmstep_lsp.domain.goals import parse_goal
from llmstep_lsp.domain.header import header_lines, imports
from llmstep_lsp.domain.model import Snapshot, Status
from llmstep_lsp.domain.sites import sites_at
from llmstep_lsp.domain.text import Position, to_lf
from llmstep_lsp.edge.finding import Check, Finding, bad, good, note
from llmstep_lsp.edge.serve import DEFAULT_PORT
from llmstep_lsp.errors import GeneratorError, LeanImportError, LeanNotFoundError
from llmstep_lsp.ports import Generator, Question
from llmstep_lsp.service.suggest import Request, Suggester

_THEOREM = "theorem llmstep_doctor (n : Nat) : n = n := by\n  "
_GOAL = "n : Nat\n⊢ n = n"
# Time to start a Lean, seconds; with Mathlib on a slow disk that can take a minute.
_SECONDS_FOR_LEAN = 90.0
_SECONDS_FOR_MODEL = 20.0
_SECONDS_FOR_SERVER = 2.0
_PACKAGE_SINCE = 23  # the minor version of Lean 4
_SMALL = 1e9  # bytes: the WebAssembly Lean takes half of it
_CHOOSE = "by the setting `lean`, LLMSTEP_LEAN or --lean"


@dataclass(frozen=True)
class Case:
    """What is looked at: `place`, a file or a folder, and how the person has set us up."""

    place: Path
    setup: Setup
    parts: Parts
    problems: tuple[str, ...]
    origins: dict[str, str]

    @property
    def folder(self) -> Path:
        """The folder of the place."""
        return self.place if self.place.is_dir() else self.place.parent

    def toolchain(self) -> Toolchain | None:
        """The Lean there, if there is one."""
        try:
            return find_toolchain(self.place, self.setup.lean)
        except LeanNotFoundError:
            return None


def phases(case: Case) -> list[list[Check]]:
    """All checks; those of a phase run at the same time."""

    def check(title: str, ask: Callable[[Case], Awaitable[Finding | None]], seconds: float = 20.0) -> Check:
        return Check(title, partial(ask, case), seconds)

    made = [Setup(generators=(spec,)) for spec in case.setup.generators]
    if case.setup.model:
        made.append(Setup(generators=(), model=case.setup.model))
    return [
        [
            check("llmstep-lsp", _version),
            check("settings", _settings),
            check("Lean", _lean),
            check("Lean runs", _lean_runs, _SECONDS_FOR_LEAN),
            check("Node", _node),
            check("project", _project),
            check("Lean package", _package, _SECONDS_FOR_LEAN),
            check("cache", _cache),
            check("disk", _disk),
            check("log file", _log_file),
            check("port", _port),
        ],
        [check("a question", _question, _SECONDS_FOR_LEAN)],
        [check("imports", _imports, _SECONDS_FOR_LEAN)],
        [Check("generator", partial(_generator, setup), _SECONDS_FOR_MODEL + 10) for setup in made],
    ]


async def _version(_: Case) -> Finding:
    return good(f"{__version__}, Python {platform.python_version()}, {platform.platform(terse=True)}")


async def _settings(case: Case) -> Finding:
    if case.problems:
        return note(
            " ".join(case.problems), "Correct that; `llmstep-lsp settings show` says where each is from."
        )
    chosen = [f"{key} from {origin}" for key, origin in case.origins.items() if origin != "default"]
    return good(", ".join(chosen) or "the defaults (those of an editor are not known here)")


async def _lean(case: Case) -> Finding:
    try:
        toolchain = find_toolchain(case.place, case.setup.lean)
    except LeanNotFoundError as error:
        what, _, todo = str(error).partition(". ")
        return bad(f"{what}.", todo)
    return good(f"{' '.join(toolchain.lean)}: {toolchain.reason}")


async def _lean_runs(case: Case) -> Finding | None:
    toolchain = case.toolchain()
    if toolchain is None:
        return None
    repair = (
        "Repair it by `llmstep-lsp lean install`."
        if toolchain.source == "webassembly"
        else f"Repair it, or choose another one {_CHOOSE}."
    )
    command = [*toolchain.lean, "--version"]
    try:
        code, printed, complaint = await run(command, toolchain.root)
    except OSError as error:
        return bad(f"`{' '.join(command)}` cannot be run: {error.strerror}.", repair)
    if code != 0:
        return bad(f"`{' '.join(command)}` ended with exit code {code}. {complaint}".rstrip(), repair)
    printed = printed.strip()
    found = re.search(r"version v?(\d+)\.(\d+)\.", printed)
    if found is None or found[1] != "4":
        return bad(
            f"`{' '.join(command)}` says `{printed}`: that is no Lean 4.", f"Choose a Lean 4 {_CHOOSE}."
        )
    if int(found[2]) < _PACKAGE_SINCE:
        return note(
            f"{printed}. Candidates are judged one by one, since our package is for Lean 4.23 and later.",
            "Nothing need be done; with a newer Lean suggestions come faster.",
        )
    return good(printed)


async def _node(case: Case) -> Finding | None:
    toolchain = case.toolchain()
    if toolchain is None or toolchain.source != "webassembly":
        return None
    node = wasm.home() / "share/lean-wasm/node"
    if not os.access(node, os.X_OK):
        return bad(
            f"The WebAssembly Lean has lost its Node, {node}.", "Repair it by `llmstep-lsp lean install`."
        )
    return good(str(node.resolve()))


async def _project(case: Case) -> Finding | None:
    toolchain = case.toolchain()
    if toolchain is None:
        return None
    root = toolchain.root
    if not any((root / name).is_file() for name in ("lakefile.lean", "lakefile.toml")):
        return good("none: Lean's own library is all that files here can import")
    if "serve" not in toolchain.server:
        return note(
            f"{root} is a Lake project, but there is no `lake`, so Lean does not find what it depends on.",
            "Install native Lean with elan, which brings `lake`, and run `lake build` in the project.",
        )
    more = "; name a file to have its imports loaded" if case.place.is_dir() else ""
    return good(f"{root}, served by {toolchain.server[0]}{more}")


async def _package(case: Case) -> Finding | None:
    toolchain = case.toolchain()
    if toolchain is None:
        return None
    found = await hook_state(toolchain)
    match found.state:
        case "compiled":
            return good(found.detail)
        case "failed":
            return note(
                f"Candidates are judged one by one, which is slower. {found.detail}",
                "Suggestions come all the same. If it does not compile with a Lean since 4.23, report that.",
            )
        case "being compiled":
            return note(found.detail, "Wait half a minute; until then, candidates are judged one by one.")
    todo = "The first question in an editor compiles it in half a minute, so leave the editor open."
    if toolchain.source == "webassembly":
        todo += " Or run `llmstep-lsp lean install` now."
    return note(found.detail, todo)


async def _question(case: Case) -> Finding | None:
    """One real question about a file of our own, so that what is wrong can only be Lean."""
    if case.toolchain() is None:
        return None
    generators, _ = make_generators(Setup(generators=("symbolic",)))
    snapshot, position = _tiny(case.folder / "LlmstepDoctor.lean", "")
    request = Request(snapshot, position, _SECONDS_FOR_LEAN - 10)
    answer = await Suggester(case.parts.prover, generators).suggest(request)
    times = answer.timings
    for suggestion in answer.suggestions:
        if suggestion.verdict.status is Status.FINISHES:
            return good(
                f"`n = n` is proved by `{suggestion.candidate.text}`: {times.goal:.0f} ms to start Lean and "
                f"read the goal, {times.generate + times.verify:.0f} ms to find and check steps"
            )
    return bad(
        f"Lean was asked for a proof of `n = n`, and no step was found. {' '.join(answer.notes)}".rstrip(),
        "Ask again when the machine is less busy; if it stays so, report it with what this command prints.",
    )


async def _imports(case: Case) -> Finding | None:
    if case.toolchain() is None or case.place.is_dir():
        return None
    text = to_lf(case.place.read_bytes().decode("utf-8", "replace"))
    if not imports(text):
        return good(f"{case.place.name} imports nothing")
    header = "".join(f"{line}\n" for line in text.split("\n")[: header_lines(text)])
    snapshot, position = _tiny(case.place, header)
    try:
        await case.parts.prover.locate(snapshot, sites_at(snapshot.text, position))
    except LeanImportError as error:
        what, _, todo = str(error).rpartition("\n")
        return bad(what, todo)
    return good(f"Lean loads those of {case.place.name}: {', '.join(imports(text))}")


async def _generator(setup: Setup) -> Finding:
    """One real question to the one generator of `setup`."""
    generators, problems = make_generators(setup)
    if problems:
        return bad(" ".join(problems))
    (generator,) = generators
    name = setup.model or setup.generators[0]
    started = time.perf_counter()
    try:
        async with asyncio.timeout(_SECONDS_FOR_MODEL):
            steps = await _steps(generator)
    except TimeoutError:
        return note(
            f"{name} proposed nothing within {_SECONDS_FOR_MODEL:g} s.",
            "If it is still being loaded or fetched, ask again later; else choose a smaller or faster model.",
        )
    except GeneratorError as error:
        return bad(f"{name}: {error}")
    finally:
        await generator.aclose()
    if not steps:
        return bad(
            f"{name} answers, but proposes no step for `n = n`.",
            "Choose another prompt format (the option `prompt`), or a model that was trained to prove.",
        )
    return good(f"{name} proposes `{steps[0]}`, {len(steps)} in {time.perf_counter() - started:.1f} s")


async def _steps(generator: Generator) -> list[str]:
    question = Question(
        (parse_goal(_GOAL),), prefix="", context=_THEOREM, count=4, seconds=_SECONDS_FOR_MODEL - 1
    )
    async with aclosing(generator.candidates(question)) as proposed:
        return [candidate.text async for candidate in proposed]


async def _cache(_: Case) -> Finding:
    folder = cache_root()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        return bad(
            f"{folder} cannot be written ({error.strerror}), so our Lean package cannot be compiled.",
            "Make it yours, or let LLMSTEP_CACHE_DIR name another folder.",
        )
    return good(f"{folder} can be written")


async def _disk(_: Case) -> Finding:
    folder = next(at for at in (cache_root(), *cache_root().parents) if at.is_dir())
    free = shutil.disk_usage(folder).free
    said = f"{free / 1e9:.1f} GB are free at {folder}"
    if free < _SMALL:
        return note(said, "Free some, or let LLMSTEP_CACHE_DIR name a folder elsewhere.")
    return good(said)


async def _log_file(_: Case) -> Finding:
    file = log_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600))
    except OSError as error:
        return note(
            f"{file} cannot be written ({error.strerror}), so nothing is logged there.",
            "Make it yours, or let LLMSTEP_LOG_FILE name another file.",
        )
    return good(str(file))


async def _port(_: Case) -> Finding:
    port = int(os.environ.get("LLMSTEP_PORT") or DEFAULT_PORT)
    with socket.socket() as trying:
        trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trying.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                return note(f"Port {port} cannot be used ({error.strerror}).", _OTHER_PORT)
        else:
            return good(f"{port} is free for `llmstep-lsp serve`")
    return await _who_has(port)


_OTHER_PORT = "It matters only for `llmstep-lsp serve`: give that another one by --port or LLMSTEP_PORT."


async def _who_has(port: int) -> Finding:
    import httpx  # noqa: PLC0415  # the rest of the command line starts faster

    try:
        async with httpx.AsyncClient(trust_env=False, timeout=_SECONDS_FOR_SERVER) as client:
            answer = await client.get(f"http://127.0.0.1:{port}/health")
    except httpx.HTTPError as error:
        return note(
            f"Port {port} is taken by a program that speaks no HTTP ({type(error).__name__}).", _OTHER_PORT
        )
    try:
        told: Any = answer.json()
    except ValueError:
        told = None
    match told:
        case {"status": "ready", "model": str(model)}:
            return good(f"{port} has a `llmstep-lsp serve` with the model {model}")
        case {"status": str(status), "message": str(message)}:
            return note(
                f"Port {port} has a `llmstep-lsp serve` that is {status}: {message}", "Look into its log."
            )
    return note(
        f"Port {port} is taken by another server (GET /health: status {answer.status_code}).", _OTHER_PORT
    )


def _tiny(file: Path, header: str) -> tuple[Snapshot, Position]:
    """A document in the place of `file` with a theorem below `header`, and where its proof begins."""
    text = header + _THEOREM
    return Snapshot(file.absolute().as_uri(), 0, text), Position(text.count("\n"), 2)
