"""What people install is whole."""

import subprocess
import sys
import zipfile
from pathlib import Path

from llmstep_lsp.adapters.generators.registry import BOX

ROOT = Path(__file__).parent.parent


def test_the_wheel_carries_the_lean_package_and_the_runtime_of_the_webassembly_lean(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        str(tmp_path),
        str(ROOT),
    ]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "llmstep_lsp").rglob("*.py")}
    runtime = {
        f"llmstep_lsp/adapters/lean/wasm_runtime/{path.name}"
        for path in (ROOT / "lean/wasm/runtime").iterdir()
    }
    data = {
        "llmstep_lsp/bench/prove_goals.lean",
        "llmstep_lsp/bench/runtime_cases.jsonl",
        *(
            f"llmstep_lsp/adapters/generators/formats/{name}.toml"
            for name in ("chat", "few-shot", "llmstep", "names", "reprover")
        ),
        *(f"llmstep_lsp/adapters/generators/box/{path.name}" for path in BOX.iterdir()),
    }
    package = {f"llmstep_lsp/adapters/lean/LLMStep/{path.name}" for path in (ROOT / "lean/LLMStep").iterdir()}
    assert names == modules | data | runtime | package


def test_the_model_in_the_box_is_small() -> None:
    assert sum(path.stat().st_size for path in BOX.iterdir()) < 20 * 10**6
