"""`llmstep-lsp suggest` as a person and as a program uses it, with real Lean."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmstep_lsp.adapters.lean.toolchain import Toolchain
from tests.conftest import Here

EXAMPLES = Path(__file__).parent.parent.parent / "examples" / "FirstSteps.lean"
AND = "theorem t (p q : Prop) (hp : p) (hq : q) : p ∧ q := by\n  "

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Runs the command line in a folder of its own."""

    def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "llmstep_lsp", *arguments],
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "200", **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "A.lean"
    path.write_text(AND + "sorry\n")
    return path


def objects(done: "subprocess.CompletedProcess[str]") -> list[dict[str, Any]]:
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.lean
def test_json_is_one_object_a_position(cli: Cli, file: Path, real_lean: Toolchain) -> None:
    (found,) = objects(cli("suggest", f"{file}:2", "--prefix", "exact", "--json"))
    assert found.pop("timings").keys() == {"goal", "generate", "verify"}
    assert found["suggestions"][0].pop("ms") > 0
    assert found == {
        "file": str(file),
        "line": 2,
        "column": 8,
        "goals": ["p q : Prop\nhp : p\nhq : q\n⊢ p ∧ q"],
        "suggestions": [
            {
                "text": "exact ⟨hp, hq⟩",
                "verdict": "finishes",
                "goals": [],
                "score": None,
                "source": "symbolic",
            }
        ],
    }


@pytest.mark.lean
def test_a_person_sees_goal_steps_and_what_remains(cli: Cli, file: Path, real_lean: Toolchain) -> None:
    done = cli("suggest", "A.lean:2:3", "--count", "3", "--prefix", "con")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[:7] == [
        "A.lean:2:3",
        "p q : Prop",
        "hp : p",
        "hq : q",
        "⊢ p ∧ q",
        "step then score from ms",
        f"→ constructor 2 goals: ⊢ p symbolic {lines[6].split()[-1]}",
    ]
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.lean
def test_all_takes_every_sorry_of_the_examples(cli: Cli, real_lean: Toolchain) -> None:
    found = objects(cli("suggest", EXAMPLES, "--all", "--json"))
    best = {
        line: next((s["verdict"] for s in entry["suggestions"]), None)
        for entry in found
        for line in [entry["line"]]
    }
    text = EXAMPLES.read_text().split("\n")
    assert list(best) == [n for n, line in enumerate(text, 1) if "sorry" in line and "`" not in line]
    assert list(best.values()).count("finishes") == 6
    assert list(best.values()).count("closes") == 2
    assert None not in best.values()


@pytest.mark.lean
def test_nothing_to_prove_is_said(cli: Cli, tmp_path: Path, real_lean: Toolchain) -> None:
    (tmp_path / "A.lean").write_text("def x := 1\ntheorem t : 1 = 1 := by\n  rfl\n")
    nowhere, proved = cli("suggest", "A.lean:1"), cli("suggest", "A.lean:3", "--json")
    assert "No goal here: the cursor is not in a tactic block." in nowhere.stdout
    assert json.loads(proved.stdout)["goals"] == []
    assert proved.stderr == "No goals are left here.\n"
    assert (nowhere.returncode, proved.returncode) == (0, 0)


ABOVE = {
    "unfinished step": ("  exact (\n  ", "or the step above it is not complete."),
    "tab": ("\tskip\n  ", "No goal here. Lean reports an error above, in line 2: tabs are not allowed"),
    "nonsense": ("  skip\n  @@@\n  ", "No goal here. Lean reports an error above, in line 3: "),
}


@pytest.mark.lean
@pytest.mark.parametrize(("body", "message"), ABOVE.values(), ids=ABOVE)
def test_an_error_above_is_named(
    cli: Cli, tmp_path: Path, real_lean: Toolchain, body: str, message: str
) -> None:
    (tmp_path / "A.lean").write_text(f"theorem t : 1 = 1 := by\n{body}\n")
    done = cli("suggest", f"A.lean:{2 + body.count(chr(10))}")
    assert message in done.stdout
    assert done.returncode == 0


@pytest.mark.lean
def test_a_term_without_a_goal_is_no_error(cli: Cli, tmp_path: Path, real_lean: Toolchain) -> None:
    (tmp_path / "A.lean").write_text("def f (n : Nat) : Nat :=\n  match n with\n  | 0 => 1\n  | n + 1 => n\n")
    for line in (3, 4):
        assert (
            "No goal here: the cursor is not in a tactic block, or" in cli("suggest", f"A.lean:{line}").stdout
        )


@pytest.mark.lean
def test_missing_imports_are_named(cli: Cli, tmp_path: Path, real_lean: Toolchain) -> None:
    (tmp_path / "A.lean").write_text("import No.Such.Module\n" + AND + "sorry\n")
    done = cli("suggest", "A.lean:3")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(
        "llmstep-lsp: Lean cannot load the imports of this file: unknown module prefix 'No'"
    )


@pytest.mark.lean
def test_a_theorem_that_rests_on_sorry_finishes_nothing(
    cli: Cli, tmp_path: Path, real_lean: Toolchain
) -> None:
    unproved = "theorem helper {p q : Prop} : p ∨ q := sorry\n"
    goal = "example (p q : Prop) : p ∨ q := by\n  exact\n"
    (tmp_path / "A.lean").write_text(unproved + goal)
    (tmp_path / "B.lean").write_text(
        unproved.replace("sorry", "by sorry") + goal.replace("example", "theorem t")
    )
    for name in ("A.lean", "B.lean"):
        done = cli("suggest", f"{name}:3", "--prefix", "exact helper", "--json")
        found = json.loads(done.stdout)
        assert (len(found["goals"]), found["suggestions"]) == (1, [])
        assert done.stderr == "Lean accepted none of the steps that were tried (1).\n"


@pytest.mark.lean
def test_a_model_that_is_none_is_an_error_after_what_there_is(
    cli: Cli, file: Path, tmp_path: Path, real_lean: Toolchain
) -> None:
    done = cli("suggest", "A.lean:2", "--prefix", "exact", "--json", "--model", tmp_path)
    assert [s["text"] for s in json.loads(done.stdout)["suggestions"]] == ["exact ⟨hp, hq⟩"]
    assert done.returncode == 1
    assert done.stderr == (
        f"llmstep-lsp: transformers: The directory {tmp_path} holds no model (it has no config.json): "
        "name a directory that `save_pretrained` or `hf download` wrote.\n"
    )


BAD = {
    "missing file": (["suggest", "No.lean:1"], "No.lean cannot be read: No such file or directory."),
    "folder": (["suggest", ".:1"], ". cannot be read: Is a directory."),
    "line past the end": (["suggest", "A.lean:9"], "A.lean has 3 lines; there is no line 9."),
    "column past the end": (
        ["suggest", "A.lean:2:99"],
        "Line 2 of A.lean has 7 characters; there is no column 99.",
    ),
    "not text": (
        ["suggest", "Binary.lean:1"],
        "Binary.lean is not UTF-8 text (byte 0); Lean could not read it either.",
    ),
}


@pytest.mark.parametrize(("arguments", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_one_message_and_exit_code_1(
    here: Here, file: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    file.with_name("Binary.lean").write_bytes(b"\xff\xfe")
    monkeypatch.chdir(file.parent)
    done = here(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"llmstep-lsp: {message}\n")


def test_a_lean_that_is_none_is_named(cli: Cli, file: Path) -> None:
    done = cli("suggest", "A.lean:2", "--lean", "/no/lean")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("llmstep-lsp: /no/lean was chosen as the Lean to use, but is neither")


def test_without_any_lean_the_message_says_how_to_get_one(cli: Cli, file: Path, tmp_path: Path) -> None:
    done = cli("suggest", "A.lean:2", PATH="", HOME=str(tmp_path), LLMSTEP_CACHE_DIR=str(tmp_path / "none"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "`llmstep-lsp lean install`" in done.stderr


WRONG = [
    ([], "Usage"),
    (["--no-such"], "No such option"),
    (["suggest"], "Missing argument"),
    (["suggest", "A.lean"], "A.lean names no line: say FILE:LINE or FILE:LINE:COL, or FILE --all"),
    (["suggest", "A.lean:x"], "A.lean:x names no line"),
    (["suggest", "A.lean:0"], "A.lean:0: lines and columns count from 1"),
    (["suggest", "A.lean:2:0"], "A.lean:2:0: lines and columns count from 1"),
    (
        ["suggest", "A.lean:2", "--all"],
        "--all takes every `sorry` of the file: leave out the line of A.lean:2",
    ),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_a_wrong_call_has_exit_code_2(
    here: Here, file: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    done = here(*arguments)
    assert done.returncode == 2
    assert message in done.stdout + done.stderr


def test_version(cli: Cli) -> None:
    assert cli("--version").stdout == "llmstep-lsp 0.1.0\n"
