"""What generators proposed is remembered, in memory and on disk."""

import asyncio
import os
import resource
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from llmstep_lsp.adapters.generators.cached import CachedGenerator, Store
from llmstep_lsp.adapters.generators.disk_store import DiskStore, clear_disk, disk_stats
from llmstep_lsp.adapters.generators.memory_store import MemoryStore
from llmstep_lsp.domain.goals import parse_goal
from llmstep_lsp.domain.model import Candidate
from llmstep_lsp.errors import CacheError, GeneratorError
from llmstep_lsp.ports import Generator, Question, Rejection
from tests.scripted import ScriptedGenerator

ROOT = Path(__file__).parent.parent.parent
QUESTION = Question((parse_goal("⊢ p"),), "si", "theorem t : p := by\n", 8, toolchain="Lean 4")
SIMP = Candidate("simp ⟨∀⟩", "scripted")
SCORED = (Candidate("rfl", "m", -0.25), Candidate("exact \udc80", "m"))


def cached(inner: Generator, *stores: Store, identity: str = "a") -> CachedGenerator:
    return CachedGenerator(inner, identity, stores, lambda question: question.context)


async def ask(generator: Generator, question: Question = QUESTION) -> list[Candidate]:
    return [candidate async for candidate in generator.candidates(question)]


@pytest.fixture(params=["memory", "disk"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return MemoryStore() if request.param == "memory" else DiskStore(tmp_path / "c.sqlite", 1)


async def test_the_same_question_is_asked_once(store: Store) -> None:
    inner = ScriptedGenerator([SIMP.text])
    generator = cached(inner, store)
    assert await ask(generator) == await ask(generator) == [SIMP]
    assert len(inner.questions) == 1
    assert generator.name == "scripted"


@pytest.mark.parametrize(
    "other",
    [
        replace(QUESTION, goals=(parse_goal("⊢ q"),)),
        replace(QUESTION, prefix="sim"),
        replace(QUESTION, context="theorem u : p := by\n"),
        replace(QUESTION, count=9),
        replace(QUESTION, toolchain="Lean 5"),
        replace(QUESTION, rejected=(Rejection("simp", "no progress"),)),
    ],
    ids=["goal", "prefix", "context", "count", "toolchain", "rejected"],
)
async def test_another_question_is_asked(store: Store, other: Question) -> None:
    inner = ScriptedGenerator([SIMP.text])
    generator = cached(inner, store)
    await ask(generator)
    await ask(generator, other)
    assert len(inner.questions) == 2


async def test_another_generator_is_asked(store: Store) -> None:
    first, second = ScriptedGenerator(["simp"]), ScriptedGenerator(["rfl"])
    await ask(cached(first, store, identity="a"))
    assert await ask(cached(second, store, identity="b")) == [Candidate("rfl", "scripted")]


async def test_an_empty_answer_is_remembered(store: Store) -> None:
    inner = ScriptedGenerator([])
    generator = cached(inner, store)
    await ask(generator)
    await ask(generator)
    assert len(inner.questions) == 1


async def test_an_answer_that_failed_is_not_remembered(store: Store) -> None:
    inner = ScriptedGenerator(["simp"], error=GeneratorError("gone"))
    generator = cached(inner, store)
    for _ in range(2):
        with pytest.raises(GeneratorError):
            await ask(generator)
    assert len(inner.questions) == 2


async def test_an_answer_that_was_cut_short_is_not_remembered(store: Store) -> None:
    inner = ScriptedGenerator(["simp", "rfl"], delay=0.02)
    generator = cached(inner, store)
    proposed = generator.candidates(QUESTION)
    await anext(proposed)
    await proposed.aclose()
    await ask(generator, replace(QUESTION, seconds=0.001))
    await ask(generator)
    assert (len(inner.questions), inner.closed) == (3, 3)


async def test_what_is_on_disk_outlives_the_memory(tmp_path: Path) -> None:
    inner = ScriptedGenerator([SIMP.text])
    for _ in range(2):
        assert await ask(cached(inner, MemoryStore(), DiskStore(tmp_path / "c.sqlite", 1))) == [SIMP]
    assert len(inner.questions) == 1


async def test_scores_and_any_text_survive(store: Store) -> None:
    await store.put("k", SCORED)
    assert await store.get("k") == SCORED


async def test_memory_forgets_what_was_not_used_for_the_longest_time() -> None:
    store = MemoryStore(answers=2)
    for key in ("a", "b"):
        await store.put(key, SCORED)
    await store.get("a")
    await store.put("c", SCORED)
    assert [await store.get(key) is not None for key in ("a", "b", "c")] == [True, False, True]


async def test_the_disk_forgets_what_was_not_used_for_the_longest_time(tmp_path: Path) -> None:
    store = DiskStore(tmp_path / "c.sqlite", megabytes=1)
    large = (Candidate("x" * 300_000, "m"),)
    for key in ("a", "b", "c"):
        await store.put(key, large)
    await store.get("a")
    await store.put("d", large)
    assert [await store.get(key) is not None for key in ("a", "b", "c", "d")] == [True, False, True, True]


async def test_several_processes_share_the_disk(tmp_path: Path) -> None:
    stores = [DiskStore(tmp_path / "c.sqlite", 1) for _ in range(4)]
    await asyncio.gather(*(store.put(f"{i}", SCORED) for i, store in enumerate(stores)))
    assert [await stores[0].get(f"{i}") for i in range(4)] == [SCORED] * 4


async def test_a_file_that_is_no_cache_is_told_once_and_costs_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "c.sqlite"
    file.write_bytes(b"no database" * 1000)
    inner = ScriptedGenerator([SIMP.text])
    for _ in range(2):
        assert await ask(cached(inner, DiskStore(file, 1))) == [SIMP]
    generator = cached(inner, DiskStore(file, 1))
    caplog.clear()
    assert await ask(generator) == await ask(generator) == [SIMP]
    (record,) = caplog.records
    assert record.getMessage() == (
        f"The cache {file} cannot be used (file is not a database), so nothing is remembered there. "
        "Free some space, or remove it by `llmstep-lsp cache clear`."
    )
    clear_disk(file)
    assert await ask(generator) == await ask(generator) == [SIMP]
    assert len(inner.questions) == 5


def test_no_space_for_the_cache_costs_nothing_else(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys, logging\n"
        "from pathlib import Path\n"
        "from llmstep_lsp.adapters.generators.disk_store import DiskStore\n"
        "from llmstep_lsp.domain.model import Candidate\n"
        "async def main():\n"
        "    store = DiskStore(Path(sys.argv[1]), 100)\n"
        "    await store.put('small', (Candidate('rfl', 'm'),))\n"
        "    await store.put('large', (Candidate('x' * 1_000_000, 'm'),))\n"
        "    print(await store.get('small'), await store.get('large'))\n"
        "logging.basicConfig(format='%(message)s')\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "c.sqlite")],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "(Candidate(text='rfl', source='m', score=None),) None\n"
    assert "cannot be used" in done.stderr
    assert done.stderr.count("\n") == 1


async def test_stats_and_clear(tmp_path: Path) -> None:
    file = tmp_path / "c.sqlite"
    assert disk_stats(file).answers == 0
    await DiskStore(file, 1).put("k", SCORED)
    assert (disk_stats(file).answers, disk_stats(file).bytes) == (1, file.stat().st_size)
    clear_disk(file)
    assert (disk_stats(file).answers, file.exists()) == (0, False)


def test_stats_of_what_is_no_cache(tmp_path: Path) -> None:
    with pytest.raises(CacheError, match="cannot be used"):
        disk_stats(tmp_path)


def test_the_file_is_what_sqlite_reads(tmp_path: Path) -> None:
    file = tmp_path / "c.sqlite"
    asyncio.run(DiskStore(file, 1).put("k", SCORED[:1]))
    with sqlite3.connect(file) as database:
        assert database.execute("SELECT key, candidates FROM answers").fetchall() == [
            ("k", '[["rfl", "m", -0.25]]')
        ]
