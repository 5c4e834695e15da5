"""Owns how long an editor waits for the server: for each kind of request, and for each stage of the work.

The real server runs in a process of its own; what speaks with it here writes and reads the bytes of the
protocol itself, which adds less than a client library would.  The server has default settings but for who
judges and who proposes, and Lean is warm: it has answered about the file, and about some goals that do not
count.  There are two files, measured one after the other with a server each: a short one, and one with 500
lines above the goal.  A round is one goal in each file.

`when` says what a figure covers, in milliseconds from the request, or from the edit if there is one, to the
whole answer:

* `start`: from the start of the server's process to its answer to `initialize`.
* `no Lean runs`: from a request in a file to the first verified step, with the start of a Lean for the
  file; asked again if the server's time for a request is up before.
* `cold`: nothing is known.  The theorem at the cursor is replaced by one whose goal has not been seen
  before: numbers and names in it are new each time, as the server remembers by goal what Lean accepted.
  The work that came before is stopped, and has a moment to end.  Requests that answer at once with what
  is known have nothing to say then; the budget of a cached answer is theirs all the same.
* `cached`: the work on that place is complete.
* `edited below`: the same, but the text below the theorem was changed right before.
* `edited above`: the command above the theorem was changed, so that Lean is asked again, about a goal for
  which it has accepted steps before.

Stages are what `llmstep.suggest` says of them when the work is complete.  Ghost text waits for the first
step that closes the goal, which is the first verified suggestion; it has no figure where none is found.
How long the search for whole proofs takes is another benchmark.
"""

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import count, cycle, islice
from pathlib import Path
from typing import Any

from llmstep_lsp.adapters.lean.toolchain import Toolchain, find_toolchain
from llmstep_lsp.bench.proxy import Editor, editor_of
from llmstep_lsp.errors import LeanError, LeanGoneError, LeanRequestError

_SERVER = (sys.executable, "-P", "-m", "llmstep_lsp", "--stdio")

STAGES = ("goal", "generate", "verify", "render")
INITIALIZE = "initialize"
INVOKED, AUTOMATIC = "codeAction, invoked", "codeAction, automatic"
RESOLVE = "codeAction/resolve"
INLINE = "inlineCompletion"
COMPLETION = "completion"
SUGGEST = "llmstep.suggest"

START = "start"
NO_LEAN = "no Lean runs"
COLD = "cold"
CACHED = "cached"
BELOW = "edited below"
ABOVE = "edited above"

WHAT = (*STAGES, INITIALIZE, SUGGEST, INVOKED, AUTOMATIC, RESOLVE, INLINE, COMPLETION)
WHEN = (START, NO_LEAN, COLD, CACHED, BELOW, ABOVE)

_CACHED_BUDGET = (10.0, 30.0)
_FIRST_BUDGET = (300.0, 800.0)
_INVOKED_BUDGET = (800.0, 1500.0)
BUDGETS: Mapping[tuple[str, str], tuple[float, float]] = {
    (INITIALIZE, START): (400.0, 700.0),
    (STAGES[0], COLD): (50.0, 150.0),
    (INLINE, COLD): _FIRST_BUDGET,
    (INLINE, ABOVE): _FIRST_BUDGET,
    (SUGGEST, COLD): _INVOKED_BUDGET,
    (INVOKED, COLD): _INVOKED_BUDGET,
    (AUTOMATIC, COLD): _CACHED_BUDGET,
    (COMPLETION, COLD): _CACHED_BUDGET,
    (AUTOMATIC, BELOW): _CACHED_BUDGET,
    **{(what, CACHED): _CACHED_BUDGET for what in (SUGGEST, INVOKED, AUTOMATIC, RESOLVE, INLINE, COMPLETION)},
}
"""What p50 and p95 may be, with native Lean on two cores, by what is measured and when."""

# Name, and how many lemmas of two lines stand above the goal.
_FILES = (("short", 0), ("500 lines above", 250))
_LEMMA = (
    "theorem lemma{n} (a b : Nat) (h : a < b) : a + {n} < b + {n} := by\n  exact Nat.add_lt_add_right h {n}\n"
)
# Each number makes another goal, which is as hard.
_GOALS = (
    "(p q : Prop) (hp{n} : p) (hq{n} : q) : p ∧ q",
    "(a b c : Nat) (h : a < b) (k : b < c) : a + {n} < c + {n}",
    "(xs ys : List Nat) : (xs ++ ys).length + {n} = ys.length + xs.length + {n}",
    "(p q : Prop) (h{n} : p ∨ q) : q ∨ p",
    "(k : Nat) : k + {n} = {n} + k",
    "(f : Nat → Nat) (h : f {n} = 1) : f {n} + 1 = 2",
    "(xs : List Nat) : (xs.map (· + {n})).length = xs.length",
    "(p q r : Prop) (h{n} : p → q) (k{n} : q → r) : p → r",
    "(x y z : Nat) (h : x = y + {n}) : y + z + {n} = x + z",
    "(b{n} c : Bool) : (b{n} && c) = (c && b{n})",
    ": ∃ x, x + {n} = 1 + {n} + {n}",
    "(s t : Nat × Nat) (h{n} : s = t) : s.1 + s.2 = t.1 + t.2",
)
_UNCOUNTED = 3
_RESTARTS = 2
_SECONDS_TO_BE_COMPLETE = 120.0
_SETTLING_SECONDS = 0.2
# At the first goal; where all is known and nothing closes it, they take no time.
_TRIES = 24
_STOP = "llmstep.stop"
_RESTART_LEAN = "llmstep.restartLean"
_SHOW_STATUS = "llmstep.showStatus"


@dataclass(frozen=True)
class Figure:
    """Milliseconds of `n` requests or stages; `met` says whether both are within the budget, if there is one.

    `budget` is p50 and p95.
    """

    file: str
    what: str
    when: str
    n: int
    p50: float
    p95: float
    budget: tuple[float, float] | None
    met: bool | None


@dataclass(frozen=True)
class Report:
    """The figures, and by whom and on what they came about.

    `batches` says whether our Lean package judged candidates, in all files; `load` is how many processes
    wanted to run when it began, on average over a minute: with more than there are `cpus`, all takes longer.
    """

    lean: str
    webassembly: bool
    batches: bool
    generators: tuple[str, ...]
    platform: str
    cpus: int
    load: float
    python: str
    pygls: str
    llmstep_lsp: str
    rounds: int
    figures: tuple[Figure, ...]


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which `percent` of `values` lie, linear between two of them, so never beyond them.

    Raises:
        ValueError: there are none.
    """
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    below, part = divmod((len(ordered) - 1) * percent / 100, 1)
    low, high = ordered[int(below)], ordered[min(int(below) + 1, len(ordered) - 1)]
    return low + (high - low) * part


def figure(file: str, what: str, when: str, milliseconds: Sequence[float]) -> Figure:
    """The figure for what took so many `milliseconds`, at least one."""
    p50, p95 = (round(percentile(milliseconds, percent), 2) for percent in (50, 95))
    budget = BUDGETS.get((what, when))
    met = None if budget is None else p50 <= budget[0] and p95 <= budget[1]
    return Figure(file, what, when, len(milliseconds), p50, p95, budget, met)


def measure_lsp(
    options: Mapping[str, Any],
    environment: Mapping[str, str],
    rounds: int,
    progress: Callable[[str], None],
    *,
    short: bool = False,
) -> Report:
    """Measure the server, which gets `options` at `initialize`, in an `environment` that sets nothing else.

    The options say who are the `generators`.  With `short`, there is only the short file.  Rounds beyond
    the dozen goals go through them again.

    Raises:
        LeanNotFoundError: there is no Lean.
        LeanError: the server ended, answered with an error, or does not get done.
    """
    load = os.getloadavg()[0]
    figures: list[Figure] = []
    batches: list[bool] = []
    with tempfile.TemporaryDirectory(prefix="llmstep-") as name:
        folder = Path(name).resolve()
        lean = lean_version(find_toolchain(folder, options.get("lean")))
        for file, lemmas in _FILES[: 1 if short else None]:
            progress(f"Measuring: {file}")
            with editor_of(_SERVER, Path(), environment) as editor:
                _initialize(editor, folder, options)
                document = _Document(editor, (folder / "Bench.lean").as_uri(), lemmas)
                batches.append(_measure_file(document, rounds))
                editor.end()
            found = [figure(file, *key, milliseconds) for key, milliseconds in document.taken.items()]
            figures += sorted(found, key=lambda one: (WHEN.index(one.when), WHAT.index(one.what)))
        progress("Measuring: the start of the server")
        starts = [_start(folder, options, environment) for _ in range(rounds)]
    return Report(
        lean,
        webassembly=is_webassembly(lean),
        batches=all(batches),
        generators=(*options["generators"], *filter(None, [options.get("model")])),
        platform=platform.platform(terse=True),
        cpus=os.cpu_count() or 1,
        load=round(load, 1),
        python=platform.python_version(),
        pygls=version("pygls"),
        llmstep_lsp=version("llmstep-lsp"),
        rounds=rounds,
        figures=(figure("", INITIALIZE, START, starts), *figures),
    )


class _Document:
    """The file in the editor; `taken` are the milliseconds of what was measured in it, by what and when."""

    def __init__(self, editor: Editor, uri: str, lemmas: int) -> None:
        self.taken: dict[tuple[str, str], list[float]] = defaultdict(list)
        self._editor = editor
        self._uri = uri
        self._lemmas = "".join(_LEMMA.format(n=n) for n in range(lemmas))
        self._numbers = count(10)
        self._versions = count(1)
        self._above = self._below = 0
        self._goal = ""
        self._edited: float | None = None
        document = {"uri": uri, "languageId": "lean4", "version": next(self._versions), "text": ""}
        editor.notify("textDocument/didOpen", {"textDocument": document})

    def fresh(self, statement: str) -> None:
        """Let the goal be one that nobody has seen."""
        self._goal = statement.format(n=next(self._numbers))
        self._put()

    def edit_above(self) -> None:
        """Change the command above the goal."""
        self._above = next(self._numbers)
        self._put()

    def edit_below(self) -> None:
        """Change the command below the goal."""
        self._below = next(self._numbers)
        self._put()

    def ask(self, what: str, when: str) -> Any:
        """The result of a request, and how long it took, from the edit if there was one right before."""
        since, self._edited = self._edited or time.monotonic(), None
        result = self._result(*self._request(what))
        if what != INLINE or result["items"]:
            self.note(what, when, since)
        return result

    def note(self, what: str, when: str, since: float) -> None:
        """Note that the last answer took from `since`, of `time.monotonic`."""
        self.taken[what, when].append((self._editor.answers[-1].received - since) * 1000)

    def command(self, name: str, *arguments: Any) -> Any:
        """The result of a command that is not measured."""
        self._edited = None
        return self._result("workspace/executeCommand", {"command": name, "arguments": arguments})

    def completed(self) -> Any:
        """What `llmstep.suggest` answers when the work on the place is complete.

        Raises:
            LeanError: it is not in time, or there is no goal.
        """
        deadline = time.monotonic() + _SECONDS_TO_BE_COMPLETE
        while not (answer := self.command(SUGGEST, self._place))["complete"]:
            if time.monotonic() > deadline:
                raise LeanError(
                    f"A goal of the benchmark takes more than {_SECONDS_TO_BE_COMPLETE:g} s: "
                    f"{' '.join(answer['notes'])} Try it with other generators, or on a calmer machine."
                )
        if not answer["goals"]:
            raise LeanError(f"The benchmark finds no goal in its own file: {' '.join(answer['notes'])}")
        return answer

    def resolve(self, actions: Sequence[Any]) -> None:
        """Ask about the first of `actions`, if there is one, as editors do before they show its edit."""
        if actions:
            since = time.monotonic()
            self._result(RESOLVE, actions[0])
            self.note(RESOLVE, CACHED, since)

    def start_lean(self) -> None:
        """Ask where no Lean runs, until a step is verified."""
        self.fresh(_GOALS[0])
        since = time.monotonic()
        for _ in range(_TRIES):
            if self._result(*self._request(INLINE))["items"]:
                self.note(INLINE, NO_LEAN, since)
                return

    def settle(self) -> None:
        """Stop what is still done, and give Lean a moment to notice."""
        self.command(_STOP)
        time.sleep(_SETTLING_SECONDS)

    @property
    def _head(self) -> str:
        return f"{self._lemmas}theorem above : {self._above} = {self._above} := rfl\n\n"

    @property
    def _place(self) -> dict[str, Any]:
        cursor = {"line": self._head.count("\n") + 1, "character": 2}
        return {"textDocument": {"uri": self._uri}, "position": cursor}

    def _put(self) -> None:
        below = f"theorem below : {self._below} = {self._below} := rfl\n"
        text = f"{self._head}theorem goal {self._goal} := by\n  \n\n{below}"
        versioned = {"uri": self._uri, "version": next(self._versions)}
        change = {"textDocument": versioned, "contentChanges": [{"text": text}]}
        self._edited = time.monotonic()
        self._editor.notify("textDocument/didChange", change)

    def _request(self, what: str) -> tuple[str, dict[str, Any]]:
        place = self._place
        if what == SUGGEST:
            return "workspace/executeCommand", {"command": SUGGEST, "arguments": [place]}
        if what == INLINE:
            return "textDocument/inlineCompletion", {**place, "context": {"triggerKind": 2}}
        if what == COMPLETION:
            return "textDocument/completion", place
        cursor = place["position"]
        context: dict[str, Any] = {"diagnostics": [], "triggerKind": 1 if what == INVOKED else 2}
        asked = {"range": {"start": cursor, "end": cursor}, "context": context}
        return "textDocument/codeAction", {"textDocument": place["textDocument"], **asked}

    def _result(self, method: str, params: Any) -> Any:
        answer = self._editor.wait(self._editor.start(method, params))
        if error := answer.get("error"):
            raise LeanRequestError(error["code"], f"The server fails at {method}: {error['message']}")
        return answer["result"]


def _measure_file(document: _Document, rounds: int) -> bool:
    """Measure all kinds of requests but `initialize`; whether our Lean package judged the candidates."""
    document.start_lean()
    document.completed()
    batches = _batches(document)
    for statement in _GOALS[: min(rounds, _UNCOUNTED)]:
        document.fresh(statement)
        document.completed()
    for statement in islice(cycle(_GOALS), rounds):
        _measure_goal(document, statement)
    for _ in range(min(rounds - 1, _RESTARTS)):
        document.command(_RESTART_LEAN)
        document.start_lean()
    return batches


def _batches(document: _Document) -> bool:
    """Whether our Lean package judges candidates, once that is known: it may have to be compiled first."""
    deadline = time.monotonic() + _SECONDS_TO_BE_COMPLETE
    while (known := document.command(_SHOW_STATUS)["lean"]["batches"]) is None:
        if time.monotonic() > deadline:
            return False
        time.sleep(_SETTLING_SECONDS)
    return bool(known)


def _measure_goal(document: _Document, statement: str) -> None:
    document.fresh(statement)
    document.ask(SUGGEST, COLD)
    for stage, milliseconds in document.completed()["timings"].items():
        document.taken[stage, COLD].append(milliseconds)
    document.resolve([action for action in document.ask(INVOKED, CACHED) if "edit" in action])
    for what in (SUGGEST, AUTOMATIC, INLINE, COMPLETION):
        document.ask(what, CACHED)
    document.edit_below()
    document.ask(AUTOMATIC, BELOW)
    document.edit_above()
    document.ask(INLINE, ABOVE)
    for what in (INVOKED, INLINE, AUTOMATIC, COMPLETION):
        document.settle()
        document.fresh(statement)
        document.ask(what, COLD)
    document.settle()


def _initialize(editor: Editor, folder: Path, options: Mapping[str, Any]) -> None:
    client: dict[str, Any] = {"processId": None, "rootUri": folder.as_uri(), "capabilities": {}}
    editor.request(INITIALIZE, {**client, "initializationOptions": options})
    editor.notify("initialized", {})


def _start(folder: Path, options: Mapping[str, Any], environment: Mapping[str, str]) -> float:
    """The milliseconds from the start of a server to its first answer."""
    since = time.monotonic()
    with editor_of(_SERVER, Path(), environment) as editor:
        _initialize(editor, folder, options)
        editor.end()
        return (editor.answers[0].received - since) * 1000


def is_webassembly(lean: str) -> bool:
    """Whether the Lean that says `lean` of itself is the WebAssembly one."""
    return "wasm" in lean


def lean_version(toolchain: Toolchain) -> str:
    """What Lean says of itself.

    Raises:
        LeanGoneError: it does not.
    """
    try:
        command = [*toolchain.lean, "--version"]
        return subprocess.run(
            command, cwd=toolchain.root, capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        raise LeanGoneError(f"{toolchain.lean[0]} does not tell its version: {error}") from error
