"""Every case of the table, asked in one document, and what the candidates leave behind."""

from pathlib import Path
from typing import Any

import pytest

from .cases import CASES, Case
from .conftest import Open

pytestmark = pytest.mark.lean


@pytest.fixture(scope="module")
def verdicts(open_document: Open, project: Path) -> dict[str, Any]:
    """The verdicts by the name of the case."""
    above = list(dict.fromkeys(case.above for case in CASES if case.above))
    text = "\n".join(above) + "\n"
    lines = {}
    for case in CASES:
        text += case.text("skip")
        lines[case.name] = text.count("\n")  # the line of `import` is not in `text`
    document = open_document("Cases.lean", text)
    files = sorted(project.rglob("*"))
    found = {case.name: document.check(lines[case.name], case.candidate)[0] for case in CASES}
    assert sorted(project.rglob("*")) == files
    return found


def test_there_are_enough_cases_with_names_of_their_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 60


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_status(verdicts: dict[str, Any], case: Case) -> None:
    verdict = verdicts[case.name]
    assert verdict["status"] == case.status, verdict
    accepted = case.status in {"finishes", "closes", "advances"}
    assert bool(verdict["reason"]) != accepted
    assert bool(verdict["goals"]) == (case.status in {"closes", "advances"})


def test_candidates_that_would_run_code_leave_no_file(verdicts: dict[str, Any], project: Path) -> None:
    assert len(verdicts) == len(CASES)
    assert not (project / "TRACE").exists()
    assert not Path("TRACE").exists()
