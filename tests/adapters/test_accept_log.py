"""The file of accepted and rejected steps: what is in it, who may read it, and what is broken of it."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from llmstep_lsp.adapters.accept_log import AcceptLog, read_accept_log
from llmstep_lsp.domain.offer import Offer, Record, Shown
from llmstep_lsp.edge.journal_commands import journal_app
from llmstep_lsp.errors import InputError

OFFER = Offer(
    "codeAction",
    asked=True,
    file="A.lean",
    goals=("n : ℕ\n⊢ n = n",),
    prefix="r",
    context="theorem t (n : ℕ) : n = n := by\n  ",
    suggestions=(
        Shown("rfl", "m", -0.5, "finishes", ()),
        Shown("rw", "symbolic", None, "advances", ("⊢ q",)),
    ),
)
TAKEN = Record("1", "2026-01-02T03:04:05+00:00", OFFER, 0)
TURNED_DOWN = Record("2", "2026-01-02T03:04:06+00:00", OFFER, None)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "data/accepted.jsonl"
    monkeypatch.setenv("LLMSTEP_ACCEPT_LOG_FILE", str(path))
    return path


def test_the_format(file: Path) -> None:
    AcceptLog(file).keep(TAKEN)
    assert [json.loads(line) for line in file.read_text().splitlines()] == [
        {
            "version": 1,
            "id": "1",
            "time": "2026-01-02T03:04:05+00:00",
            "kind": "codeAction",
            "asked": True,
            "file": "A.lean",
            "goals": ["n : ℕ\n⊢ n = n"],
            "prefix": "r",
            "context": "theorem t (n : ℕ) : n = n := by\n  ",
            "suggestions": [
                {"text": "rfl", "source": "m", "score": -0.5, "status": "finishes", "goals": []},
                {"text": "rw", "source": "symbolic", "score": None, "status": "advances", "goals": ["⊢ q"]},
            ],
            "accepted": 0,
        }
    ]
    assert file.stat().st_mode & 0o777 == 0o600


def test_what_is_kept_is_read(file: Path) -> None:
    AcceptLog(file).keep(TAKEN)
    AcceptLog(file).keep(TURNED_DOWN)
    assert list(read_accept_log(file)) == [TAKEN, TURNED_DOWN]


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"version": 1}',
        ("version", 2),
        ("asked", "yes"),
        ("kind", "hover"),
        ("goals", [1]),
        ("accepted", 2),
        ("accepted", -1),
        ("suggestions", [{"text": "rfl"}]),
    ],
)
def test_broken_lines_are_left_out_and_counted(
    file: Path, caplog: pytest.LogCaptureFixture, broken: bytes | tuple[str, Any]
) -> None:
    log = AcceptLog(file)
    log.keep(TAKEN)
    if isinstance(broken, tuple):
        broken = json.dumps(json.loads(file.read_text()) | dict([broken])).encode()
    with file.open("ab") as end:
        end.write(broken + b"\n")
    log.keep(TURNED_DOWN)
    assert list(read_accept_log(file)) == [TAKEN, TURNED_DOWN]
    assert caplog.messages == [f"1 lines of {file} cannot be read and were left out."]


def test_a_line_that_was_cut_off_costs_only_itself(file: Path) -> None:
    log = AcceptLog(file)
    log.keep(TAKEN)
    log.keep(TAKEN)
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size - 9)
    log.keep(TURNED_DOWN)
    assert list(read_accept_log(file)) == [TAKEN, TURNED_DOWN]


def test_a_file_that_cannot_be_written_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    log = AcceptLog(tmp_path / "file/accepted.jsonl")
    log.keep(TAKEN)
    log.keep(TAKEN)
    assert caplog.record_tuples == [
        (
            "llmstep_lsp.adapters.accept_log",
            logging.WARNING,
            f"The log of accepted steps, {tmp_path / 'file/accepted.jsonl'}, cannot be written (File exists), so "
            "they are not kept. Free some space, or let LLMSTEP_ACCEPT_LOG_FILE name another file.",
        )
    ]


def test_a_full_disk_is_told_and_survived(caplog: pytest.LogCaptureFixture) -> None:
    AcceptLog(Path("/dev/full")).keep(TAKEN)
    assert "cannot be written (No space left on device)" in caplog.text


def test_a_file_that_is_not_there_is_told(file: Path) -> None:
    with pytest.raises(InputError) as caught:
        list(read_accept_log(file))
    assert str(caught.value) == (
        f"The log of accepted steps, {file}, cannot be read (No such file or directory); it is written where the "
        "setting `acceptLog` is on."
    )


def test_a_person_sees_and_removes_it(file: Path) -> None:
    def run(command: str) -> str:
        return CliRunner().invoke(journal_app, [command]).stdout

    assert run("show") == f"0 accepted, 0 rejected, in {file}\n"
    for record in (TAKEN, TURNED_DOWN, TAKEN):
        AcceptLog(file).keep(record)
    assert run("show") == f"2 accepted, 1 rejected, in {file}\n"
    assert run("clear") == f"{file} is gone.\n"
    assert not file.exists()
    assert run("clear") == f"{file} is gone.\n"
