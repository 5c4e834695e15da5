"""Files of pairs: which kind a file is, what is read from it, and what a person is told of others."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmstep_lsp.adapters.pairs import parquet, read_pairs
from llmstep_lsp.adapters.pairs.json_lines import write_line
from llmstep_lsp.adapters.pairs.parts import Parts
from llmstep_lsp.domain.pairs import Pair
from llmstep_lsp.errors import InputError

FULL = Pair(
    "α : Type\nx : α\n⊢ x = x\n\ncase h\n⊢ True",
    "cases x with\n| mk a => rfl",
    "case h\n⊢ True",
    "Space.refl",
    "Space/Basic.lean",
    3,
    5,
    "import Space\n",
    ("Eq.refl", "Space.mk"),
)
SHORT = Pair("⊢ 1 = 1", "rfl", "")
PAIRS = [FULL, SHORT]

THEOREMS = [
    {
        "url": "https://example.org/library",
        "commit": "0123",
        "full_name": "Nat.one_le",
        "file_path": "Library/Nat.lean",
        "start": [12, 1],
        "end": [14, 20],
        "traced_tactics": [
            {
                "tactic": "constructor",
                "annotated_tactic": ["constructor", []],
                "state_before": "p q : Prop\n⊢ p ∧ q",
                "state_after": "case left\np q : Prop\n⊢ p\n\ncase right\np q : Prop\n⊢ q",
            },
            {
                "tactic": "simp [foo, bar,\n    foo]",
                "annotated_tactic": [
                    "simp [<a>foo</a>, <a>bar</a>,\n    <a>foo</a>]",
                    [
                        {
                            "full_name": "Lib.foo",
                            "def_path": "A.lean",
                            "def_pos": [1, 2],
                            "def_end_pos": [1, 5],
                        },
                        {"full_name": "bar", "def_path": "B.lean", "def_pos": [1, 2], "def_end_pos": [1, 5]},
                        {
                            "full_name": "Lib.foo",
                            "def_path": "A.lean",
                            "def_pos": [1, 2],
                            "def_end_pos": [1, 5],
                        },
                    ],
                ],
                "state_before": "⊢ p",
                "state_after": "no goals",
            },
        ],
    },
    {"full_name": "term", "file_path": "Library/Nat.lean", "start": [1, 1], "traced_tactics": []},
]


def json_lines(file: Path, pairs: list[Pair]) -> None:
    file.write_text("".join(f"{write_line(pair)}\n" for pair in pairs), encoding="utf-8")


@pytest.mark.parametrize("write", [json_lines, parquet.write])
def test_what_is_written_is_read(write: Callable[[Path, list[Pair]], None], tmp_path: Path) -> None:
    file = tmp_path / "pairs"
    write(file, PAIRS)
    assert list(read_pairs(file)) == PAIRS


@pytest.mark.parametrize("write", [json_lines, parquet.write])
def test_no_pairs(write: Callable[[Path, list[Pair]], None], tmp_path: Path) -> None:
    file = tmp_path / "pairs"
    write(file, [])
    assert list(read_pairs(file)) == []


def test_leandojo_benchmark(tmp_path: Path) -> None:
    file = tmp_path / "train.json"
    file.write_text(json.dumps(THEOREMS, indent=1), encoding="utf-8")
    assert list(read_pairs(file)) == [
        Pair(
            "p q : Prop\n⊢ p ∧ q",
            "constructor",
            "case left\np q : Prop\n⊢ p\n\ncase right\np q : Prop\n⊢ q",
            "Nat.one_le",
            "Library/Nat.lean",
        ),
        Pair(
            "⊢ p",
            "simp [foo, bar,\n    foo]",
            "",
            "Nat.one_le",
            "Library/Nat.lean",
            premises=("Lib.foo", "bar"),
        ),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("theorem", "Line 1 of {file} is no pair: it needs `state_before`, `tactic` and `state_after`."),
        (
            f"{write_line(SHORT)}\n{{}}\n",
            "Line 2 of {file} is no pair: it needs `state_before`, `tactic` and `state_after`.",
        ),
        (
            '[{"full_name": "x"}]',
            "{file} is neither a file of pairs nor LeanDojo Benchmark 4, a list of theorems with "
            "`full_name`, `file_path` and `traced_tactics`.",
        ),
        ("PAR1", "{file} cannot be read: "),
    ],
)
def test_files_of_something_else(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "pairs"
    file.write_text(text)
    with pytest.raises(InputError) as raised:
        list(read_pairs(file))
    assert str(raised.value).startswith(message.format(file=file))


def test_parquet_of_something_else(tmp_path: Path) -> None:
    arrow: Any = parquet.require()
    file = tmp_path / "other.parquet"
    arrow.parquet.write_table(arrow.table({"text": ["a"]}), file)
    with pytest.raises(InputError, match="holds no pairs: it needs the columns `state_before`"):
        list(read_pairs(file))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file or directory"):
        list(read_pairs(tmp_path / "none.jsonl"))


def test_parquet_without_its_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "pairs.parquet"
    parquet.write(file, PAIRS)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(InputError, match=r"pip install 'llmstep-lsp\[data\]'"):
        list(read_pairs(file))
    with pytest.raises(InputError, match=r"or name a file of JSON lines \(\.jsonl\)"):
        Parts(file)  # before anything is read
