"""Imports point inward: edge and composition root, then service and adapters, ports, domain."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "llmstep_lsp"

# What the modules of each room may import of ours.  `lean_commands` is the command line of one
# adapter, the toolchains, `extract` of those that read Lean files and keep pairs, and `generate`
# answers the Lean package; every other adapter is reached through `compose`.
ALLOWED = {
    "__init__": set[str](),
    "__main__": {"edge"},
    "errors": set(),
    "cache": set(),
    "domain": {"domain"},
    "ports": {"domain"},
    "service": {"domain", "errors", "ports", "service"},
    "adapters": {"adapters", "cache", "domain", "errors", "ports", "worker.description", "worker.protocol"},
    "adapters.training.directory": {"domain", "errors", "training.protocol"},
    "adapters.training.process": {"errors", "training.protocol"},
    "worker": {"domain.completion", "worker"},
    "training": {"domain.completion", "domain.recipe", "training", "worker"},
    "bench": {"adapters", "bench", "domain", "errors", "evaluation", "ports", "service", "worker.bare"},
    "corpus": {"adapters.lean", "adapters.pairs", "corpus", "domain", "errors"},
    "evaluation": {"adapters", "domain", "errors", "evaluation", "ports", "service"},
    "science": {
        "adapters",
        "domain",
        "errors",
        "evaluation",
        "ports",
        "science",
        "service",
        "training.protocol",
    },
    "bench.proxy": {"bench", "edge.proxy.frames", "errors"},
    "bench.relay": {"edge.proxy.frames"},
    "compose": {"adapters", "cache", "errors", "ports", "service"},
    "edge": {"__init__", "compose", "domain", "edge", "errors", "ports", "service"},
    "edge.cache_commands": {"adapters.generators.disk_store", "cache"},
    "edge.checks": {
        "__init__",
        "adapters.lean",
        "cache",
        "compose",
        "domain",
        "edge",
        "errors",
        "ports",
        "service",
    },
    "edge.journal_commands": {"adapters.accept_log", "cache"},
    "edge.logs": {"cache", "errors"},
    "edge.status": {"__init__", "cache", "edge", "ports", "service"},
    "edge.bench_all": {
        "adapters.lean.toolchain",
        "bench",
        "compose",
        "domain",
        "edge",
        "errors",
        "evaluation",
        "ports",
    },
    "edge.bench_commands": {
        "adapters.lean.toolchain",
        "bench",
        "compose",
        "domain",
        "edge.bench_all",
        "edge.options",
        "edge.output",
        "errors",
        "evaluation.report",
    },
    "edge.corpus_commands": {
        "adapters.lean.hook_library",
        "adapters.lean.toolchain",
        "adapters.pairs",
        "compose",
        "corpus",
        "domain",
        "edge",
        "ports",
    },
    "edge.eval_command": {"compose", "domain", "edge", "errors", "evaluation"},
    "edge.http.desk": {"domain", "edge", "errors", "ports"},
    "edge.http.served": {"domain", "ports"},
    "edge.extract": {
        "adapters.lean.extractor",
        "adapters.lean.sources",
        "adapters.pairs.parts",
        "domain",
        "edge",
        "errors",
        "service",
    },
    "edge.generate": {"adapters.lean.protocol", "compose", "domain", "errors", "ports", "service"},
    "edge.lean_commands": {"adapters.lean", "edge", "errors"},
    "edge.science_commands": {
        "adapters.lean.sources",
        "compose",
        "domain",
        "edge",
        "errors",
        "evaluation",
        "science",
    },
    "edge.train": {
        "adapters.generators.options",
        "adapters.generators.prompts",
        "adapters.generators.registry",
        "adapters.training",
        "domain",
        "edge",
        "errors",
        "training.protocol",
    },
}
HEAVY = {"accelerate", "ctranslate2", "peft", "tokenizers", "torch", "transformers", "vllm"}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    dotted = ".".join(parts)
    return dotted if dotted in ALLOWED else parts[0]


def imported(path: Path) -> set[str]:
    """The dotted names that a module imports, wherever it does so."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {node.module or ""}
    return names


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_inward(path: Path) -> None:
    ours = {name for name in imported(path) if name.split(".")[0] == "llmstep_lsp"}
    inside = {name.removeprefix("llmstep_lsp").removeprefix(".") or "__init__" for name in ours}
    allowed = ALLOWED[room(path)]
    outside = {name for name in inside if not any(name == a or name.startswith(a + ".") for a in allowed)}
    assert outside == set()


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_worker_and_the_training_import_heavy_libraries(path: Path) -> None:
    if room(path) not in {"training", "worker"}:
        assert {name.split(".")[0] for name in imported(path)} & HEAVY == set()


def test_domain_and_ports_need_only_the_standard_library() -> None:
    for path in [*(PACKAGE / "domain").glob("*.py"), PACKAGE / "ports.py", PACKAGE / "errors.py"]:
        outside = {name.split(".")[0] for name in imported(path)} - {"llmstep_lsp"}
        assert outside <= sys.stdlib_module_names, path


def test_the_language_server_process_loads_no_heavy_library_and_nothing_of_the_command_line() -> None:
    code = (
        "import sys, llmstep_lsp.edge.stdio\n"
        f"print(sorted({HEAVY | {'httpx', 'rich', 'sqlite3', 'starlette', 'typer'}!r} & {{name.split('.')[0] for name in sys.modules}}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_command_line_loads_a_command_only_when_it_is_asked_for() -> None:
    code = (
        "import sys, llmstep_lsp.edge.cli\n"
        "print(sorted(name for name in sys.modules if name.split('.')[0] == 'llmstep_lsp'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ast.literal_eval(done.stdout) == [
        "llmstep_lsp",
        "llmstep_lsp.edge",
        "llmstep_lsp.edge.cli",
        "llmstep_lsp.errors",
    ]


def test_every_module_says_what_it_owns() -> None:
    silent = [path for path in modules() if not ast.get_docstring(ast.parse(path.read_text()))]
    assert silent == []
