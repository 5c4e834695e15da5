"""How the state of a session is told."""

from dataclasses import replace

import pytest

from llmstep_lsp.edge.status import as_json, sentences
from llmstep_lsp.ports import LeanStatus
from llmstep_lsp.service.status import Health, Kept, Status, healths

LEAN = LeanStatus(("lake", "env", "lean"), "The project says so.", running=True, batches=True)
STATUS = Status(
    "1.0",
    LEAN,
    (
        Health("symbolic", "answered"),
        Health("openai", "failed", "No server answers."),
        Health("m", "not asked yet"),
    ),
    Kept(1, 2.5, 100),
    {"lean": "the editor's settings"},
    "/log",
)


def test_a_person_reads_sentences() -> None:
    assert sentences(STATUS) == [
        "llmstep-lsp 1.0",
        "Lean: lake env lean runs for this document. The project says so.",
        "Candidates: judged in batches, by LLMStep, our Lean package.",
        "Generator symbolic: answered.",
        "Generator openai: failed: No server answers.",
        "Generator m: not asked yet.",
        "Remembered: 1 place of open documents, 2.5 of 100 MB on disk.",
        "Settings: lean from the editor's settings.",
        "Log file: /log",
        "If nothing happens, run `llmstep-lsp doctor FILE` in a terminal.",
    ]


@pytest.mark.parametrize(
    ("lean", "expected"),
    [
        (None, ["Lean: open a Lean file to see which one is used."]),
        (LeanStatus((), "No Lean found."), ["Lean: none. No Lean found."]),
        (
            LeanStatus((), "It is asked.", lent=True, running=True, batches=False),
            [
                "Lean: the editor's runs for this document. It is asked.",
                "Candidates: judged one by one, which is slower.",
            ],
        ),
        (
            replace(LEAN, running=False, batches=None),
            [
                "Lean: lake env lean starts at the first question about this document. The project says so.",
                "Candidates: it is not known yet whether LLMStep, our Lean package, can judge them in batches.",
            ],
        ),
        (
            replace(LEAN, batches=False, obstacle="It does not compile."),
            [
                "Lean: lake env lean runs for this document. The project says so.",
                "Candidates: judged one by one, which is slower. It does not compile.",
            ],
        ),
    ],
)
def test_what_is_told_of_lean(lean: LeanStatus | None, expected: list[str]) -> None:
    told = sentences(replace(STATUS, lean=lean, generators=()))
    assert told[1:-4] == expected


def test_nothing_chosen_and_nothing_kept() -> None:
    told = sentences(replace(STATUS, chosen={}, kept=Kept(0, 0.0, 0)))
    assert told[-4:-2] == [
        "Remembered: 0 places of open documents, nothing on disk.",
        "Settings: the defaults.",
    ]


def test_a_program_reads_json() -> None:
    assert as_json(STATUS) == {
        "version": "1.0",
        "lean": {
            "command": ["lake", "env", "lean"],
            "reason": "The project says so.",
            "lent": False,
            "running": True,
            "batches": True,
            "obstacle": "",
        },
        "generators": [
            {"name": "symbolic", "state": "answered", "reason": ""},
            {"name": "openai", "state": "failed", "reason": "No server answers."},
            {"name": "m", "state": "not asked yet", "reason": ""},
        ],
        "kept": {"places": 1, "megabytes": 2.5, "limit": 100},
        "settings": {"lean": "the editor's settings"},
        "logFile": "/log",
        "text": "\n".join(sentences(STATUS)),
    }
    assert as_json(replace(STATUS, lean=None))["lean"] is None


def test_health_as_it_is_told() -> None:
    assert healths({"a": "", "b": "answered", "c": "No."}) == (
        Health("a", "not asked yet"),
        Health("b", "answered"),
        Health("c", "failed", "No."),
    )
