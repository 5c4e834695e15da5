"""What is kept, and gone on with."""

from pathlib import Path
from typing import Any

import pytest

from llmstep_lsp.errors import InputError
from llmstep_lsp.evaluation.folder import Folder
from llmstep_lsp.evaluation.record import Outcome, Record

SETTINGS: dict[str, Any] = {"seed": 0, "sets": ["symbolic"]}
SOLVED = Record(
    "symbolic", "α", "A.lean", 1, Outcome.SOLVED, "", "exact ⟨h⟩", ("exact ⟨h⟩",), 1, 2, 0, 0.5, ("x",)
)
FAILED = Record("symbolic", "b", "A.lean", 5, Outcome.FAILED, "the model ended")


def test_all_but_what_failed_is_remembered(tmp_path: Path) -> None:
    first = Folder(tmp_path / "out", SETTINGS)
    first.add(SOLVED)
    first.add(FAILED)
    assert first.records == {SOLVED.key: SOLVED, FAILED.key: FAILED}
    assert len((tmp_path / "out/records.jsonl").read_text().splitlines()) == 2
    again = Folder(tmp_path / "out", SETTINGS)
    assert again.records == {SOLVED.key: SOLVED}
    again.add(Record("symbolic", "b", "A.lean", 5, Outcome.UNSOLVED))
    assert len((tmp_path / "out/records.jsonl").read_text().splitlines()) == 2


def test_half_a_record_is_forgotten(tmp_path: Path) -> None:
    Folder(tmp_path, SETTINGS).add(SOLVED)
    file = tmp_path / "records.jsonl"
    file.write_text(file.read_text() + file.read_text()[:30])
    assert Folder(tmp_path, SETTINGS).records == {SOLVED.key: SOLVED}


def test_other_settings_are_refused(tmp_path: Path) -> None:
    Folder(tmp_path, SETTINGS)
    with pytest.raises(InputError) as raised:
        Folder(tmp_path, {**SETTINGS, "seed": 1})
    assert str(raised.value) == (
        f"{tmp_path} is of another evaluation (seed was 0 and is 1): choose another --out, or remove it."
    )


def test_what_is_no_folder_of_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "records.jsonl").write_text("[]\n")
    with pytest.raises(InputError, match="cannot be read: remove it, or choose another --out"):
        Folder(tmp_path, SETTINGS)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be used"):
        Folder(tmp_path / "file", SETTINGS)
