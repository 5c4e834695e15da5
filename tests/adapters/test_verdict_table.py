"""The one table of goals, candidates and verdicts, through both ways to ask Lean."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio

from llmstep_lsp.adapters.lean.toolchain import Toolchain
from llmstep_lsp.ports import Prover
from tests.judging import KINDS, prover_of, state_in, verdict_on
from tests.lean_package.cases import CASES, Case

pytestmark = [pytest.mark.lean, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=KINDS)
async def prover(request: pytest.FixtureRequest, real_lean: Toolchain) -> AsyncGenerator[Prover, None]:
    async with prover_of(request.param, real_lean, seconds=3) as one:
        yield one


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which nothing is written."""
    return tmp_path_factory.mktemp("table").resolve()


def traces(lean: Toolchain, folder: Path) -> list[str]:
    """The files that candidates have left where Lean runs, and all that is beside the document."""
    return [path.name for path in (*lean.root.glob("TRACE*"), *folder.iterdir(), *Path().glob("TRACE*"))]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_status(prover: Prover, folder: Path, case: Case) -> None:
    # All import the same, as Lean starts again for other imports; some cases need what this imports.
    marked = f"import Lean\n{case.above}\n{case.text('‸')}"
    state = await state_in(prover, folder / "Table.lean", marked)
    verdict = await verdict_on(prover, state, case.candidate)
    assert verdict.status == case.status, verdict
    assert bool(verdict.goals) == (case.status in {"closes", "advances"})


async def test_candidates_that_would_run_code_leave_no_file(real_lean: Toolchain, folder: Path) -> None:
    assert traces(real_lean, folder) == []


async def test_code_that_runs_does_leave_a_file_there(
    prover: Prover, real_lean: Toolchain, folder: Path
) -> None:
    control = 'import Lean\nrun_meta IO.FS.writeFile "TRACE-OF-THE-USER" "x"\n'
    await state_in(prover, folder / "Table.lean", f"{control}example : 1 = 1 := by\n  ‸\n")
    found = traces(real_lean, folder)
    (real_lean.root / "TRACE-OF-THE-USER").unlink()
    assert found == ["TRACE-OF-THE-USER"]
