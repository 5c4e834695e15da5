"""The tactic `llmstep` in a document: what it shows of every case, and what a click does."""

import json
import os
import queue
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.lean_wasm.lsp_client import LspClient

from .cases import ADVANCES, CASES, CLOSES, FINISHES, Case
from .conftest import Compile

pytestmark = pytest.mark.lean

SYMBOLS = {FINISHES: "🎉", CLOSES: "✓", ADVANCES: "→"}
CONJ = "example (p q : Prop) (hp : p) (hq : q) : p ∧ q := by\n"
ERROR = 1

Open = Callable[[str, str], str]


def offer(*candidates: str) -> str:
    """The tactic to which these candidates are proposed."""
    return f"offer [{', '.join(json.dumps(candidate, ensure_ascii=False) for candidate in candidates)}]"


TWO_STEPS = f"{CONJ}  {offer('constructor', 'exact ⟨hp, hq⟩')}\n"


@pytest.fixture(scope="module")
def open_with_offer(client: LspClient, project: Path, compile_module: Compile) -> Open:
    assert compile_module("LLMStepTest/Offer") == ""

    def open_with_offer(name: str, text: str) -> str:
        return client.open(project / name, f"import LLMStepTest.Offer\n{text}")

    return open_with_offer


def close(client: LspClient, uri: str) -> None:
    client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})


def errors(diagnostics: list[dict[str, Any]]) -> list[str]:
    return [found["message"] for found in diagnostics if found["severity"] == ERROR]


# Every case of the table


@pytest.fixture(scope="module")
def said(client: LspClient, open_with_offer: Open, project: Path) -> dict[str, str]:
    """What the tactic says of each case, by its name."""
    above = list(dict.fromkeys(case.above for case in CASES if case.above))
    text = "\n".join(["set_option llmstep.seconds 4", "set_option trace.llmstep true", *above, ""])
    lines = {}
    for case in CASES:
        text += case.text(offer(case.candidate))
        lines[text.count("\n")] = case.name  # with the line of `import`
    files = sorted(project.rglob("*"))
    uri = open_with_offer("Tactic.lean", text)
    messages = dict.fromkeys(lines.values(), "")
    for found in client.diagnostics(uri):
        if name := lines.get(found["range"]["start"]["line"]):
            messages[name] += found["message"] + "\n"
    assert sorted(project.rglob("*")) == files
    close(client, uri)
    return messages


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_accepted_are_shown_with_their_symbol(said: dict[str, str], case: Case) -> None:
    message = said[case.name]
    assert re.findall(r"^\[llmstep\] (\w+) \(test\)", message, re.MULTILINE) == [case.status]
    symbols = re.findall(r"^  \[apply\] (\S+) ", message, re.MULTILINE)
    assert symbols == ([SYMBOLS[case.status]] if case.status in SYMBOLS else [])
    assert ("Lean accepts no step" in message) == (case.status not in SYMBOLS)


def test_candidates_that_would_run_code_leave_no_file(said: dict[str, str], project: Path) -> None:
    assert len(said) == len(CASES)
    assert not (project / "TRACE").exists()
    assert not Path("TRACE").exists()


# What a click does


def applied(text: str, edit: dict[str, Any]) -> str:
    """`text` after the edit; columns are those of Lean, in UTF-16."""
    lines = text.split("\n")
    start, end = edit["range"]["start"], edit["range"]["end"]
    before = lines[start["line"]].encode("utf-16-le")[: 2 * start["character"]].decode("utf-16-le")
    behind = lines[end["line"]].encode("utf-16-le")[2 * end["character"] :].decode("utf-16-le")
    head, tail = [*lines[: start["line"]], before], [behind, *lines[end["line"] + 1 :]]
    return "\n".join(head) + str(edit["newText"]) + "\n".join(tail)


def actions(client: LspClient, uri: str, line: int) -> list[dict[str, Any]]:
    """The code actions for a line that come from the tactic."""
    position = {"line": line, "character": 6}
    params = {
        "textDocument": {"uri": uri},
        "range": {"start": position, "end": position},
        "context": {"diagnostics": []},
    }
    found = client.request("textDocument/codeAction", params)
    return [action for action in found if action["title"].startswith("llmstep:")]


# A declaration and the step that is proposed in it.
PLACES = (
    (CONJ + "  {}\n", "exact ⟨hp, hq⟩"),
    (CONJ + "  {}\n", "constructor\n· exact hp\n· exact hq"),
    (CONJ + "  have h : q := hq\n  {}\n  exact h\n", "constructor\nexact hp"),
    (
        "example (p q : Prop) (h : p ∨ q) : q ∨ p := by\n  {}\n",
        "cases h with\n| inl a => exact .inr a\n| inr b =>\n  exact .inl b",
    ),
    (
        "example (p q : Prop) (hp : p) (hq : q) : (p ∧ q) ∧ p := by\n  constructor\n  · {}\n  · exact hp\n",
        "constructor\n· exact hp\n· exact hq",
    ),
    (
        "example (p q : Prop) (h : p ∧ q) : q ∧ p := by\n  cases h with\n  | intro hp hq => {}\n",
        "constructor\n· exact hq\n· exact hp",
    ),
    (
        "example (α 𝔽 : Prop) (hα : α) (h : 𝔽) : α ∧ 𝔽 := by {}\n",
        "constructor\n· exact hα\n· exact h",
    ),
)


def test_the_code_action_writes_a_step_that_lean_accepts(client: LspClient, open_with_offer: Open) -> None:
    body = "".join(around.format(offer(candidate)) for around, candidate in PLACES)
    uri = open_with_offer("Action.lean", body)
    client.diagnostics(uri)
    text = f"import LLMStepTest.Offer\n{body}"
    lines = [number for number, line in enumerate(text.split("\n")) if "offer [" in line]
    titles: list[str] = []
    for line in reversed(lines):
        (action,) = actions(client, uri, line)
        (change,) = action["edit"]["documentChanges"]
        (edit,) = change["edits"]
        text = applied(text, edit)
        titles.insert(0, action["title"])
    advances = "constructor exact hp"
    steps = [" ".join(candidate.split()) for _, candidate in PLACES]
    assert titles == [f"llmstep: {'→' if step == advances else '🎉'} {step}" for step in steps]
    assert "offer" not in text
    client.change(uri, {"text": text})
    assert errors(client.diagnostics(uri)) == []
    close(client, uri)


def test_the_list_with_the_remaining_goals(client: LspClient, open_with_offer: Open) -> None:
    uri = open_with_offer("List.lean", TWO_STEPS)
    (shown,) = [found for found in client.diagnostics(uri) if found["message"].startswith("Try these")]
    assert shown["message"] == (
        "Try these:\n"
        "  [apply] 🎉 exact ⟨hp, hq⟩\n"
        "  [apply] → constructor\n"
        "    case left\n    ⊢ p\n    case right\n    ⊢ q"
    )
    titles = [action["title"] for action in actions(client, uri, 2)]
    assert titles == ["llmstep: 🎉 exact ⟨hp, hq⟩", "llmstep: → constructor"]
    # The state is as it was.
    assert client.goals(uri, 2, 40) == client.goals(uri, 2, 2) != []
    close(client, uri)


def test_the_links_in_the_infoview(lean: Path, project: Path, open_with_offer: Open) -> None:
    widgets = {"capabilities": {}, "initializationOptions": {"hasWidgets": True}}
    with LspClient([str(lean), "--server", "-Dserver.reportDelayMs=0"], project) as editor:
        editor.request("initialize", {"processId": None, "rootUri": None, **widgets})
        editor.notify("initialized", {})
        uri = editor.open(project / "Links.lean", f"import LLMStepTest.Offer\n{TWO_STEPS}")
        editor.diagnostics(uri)
        where, lines = editor.at(uri, 2, 4), {"start": 2, "end": 3}
        method = "Lean.Widget.getInteractiveDiagnostics"
        request = editor.start_call(where, editor.connect(uri), method, {"lineRange": lines})
        answer = json.dumps(editor.answer(request), ensure_ascii=False)
    assert re.findall(r'"suggestion": "([^"]*)"', answer) == ["exact ⟨hp, hq⟩", "constructor"]


# Asking the program


def test_a_program_that_cannot_be_started(client: LspClient, open_with_offer: Open) -> None:
    uri = open_with_offer("Program.lean", f'set_option llmstep.program "/no/such"\n{CONJ}  llmstep "exact"\n')
    (message,) = errors(client.diagnostics(uri))
    assert message.startswith(
        "llmstep: `/no/such` cannot be started. Install it by `pip install llmstep-lsp`, "
        'or say where it is by `set_option llmstep.program "/path/to/llmstep-lsp"`.'
    )
    close(client, uri)


def test_an_edit_stops_what_is_being_judged(client: LspClient, open_with_offer: Open) -> None:
    long = "skip"
    for _ in range(5):
        long = f"iterate 30 ({long})"
    limits = "set_option llmstep.seconds 300 in\nset_option maxHeartbeats 0 in\n"
    uri = open_with_offer("Edit.lean", f"{limits}{CONJ}  {offer(long)}\n")
    with pytest.raises(queue.Empty):
        client.diagnostics(uri, timeout=5)
    client.change(uri, {"text": f"import LLMStepTest.Offer\n{limits}{CONJ}  exact ⟨hp, hq⟩\n"})
    assert errors(client.diagnostics(uri, timeout=20)) == []
    time.sleep(1)
    before = processor_seconds(client.process.pid)
    time.sleep(1)
    assert processor_seconds(client.process.pid) - before < 0.5
    close(client, uri)


def processor_seconds(parent: int) -> float:
    """The processor time that a process and all its descendants have taken."""
    user, system = Path(f"/proc/{parent}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    tasks = Path(f"/proc/{parent}/task").glob("*/children")
    children = [int(child) for task in tasks for child in task.read_text().split()]
    own = (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    return own + sum(processor_seconds(child) for child in children)
