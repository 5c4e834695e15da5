"""The model worker as a process: cancellation, its end, and models that it cannot load."""

import asyncio
import json
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmstep_lsp.adapters.generators.worker import Engine, WorkerCompleter
from llmstep_lsp.errors import GeneratorError
from llmstep_lsp.worker.engines import Choice, load
from llmstep_lsp.worker.place import LoadError
from llmstep_lsp.worker.protocol import Cancel, Failed, Found, Ready, Request
from tests.asking import complete, completion, environment, worker

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("ctranslate2")

from llmstep_lsp.worker.reading import fit
from tests.tiny_model import save_headless

pytestmark = pytest.mark.model

LONG = Request(1, completion("⊢ p", count=256, max_new_tokens=1000, temperature=0.7))
SHORT = completion("⊢ p", count=1, max_new_tokens=1)


@pytest.fixture
def engine(model: Callable[[str], Path]) -> Engine:
    """The one that is soonest ready."""
    return Engine("ctranslate2", str(model("random-converted")))


@pytest.fixture
def slow_engine(model: Callable[[str], Path]) -> Engine:
    return Engine("transformers", str(model("random")))


def refused(choice: Choice, expected: str) -> None:
    with pytest.raises(LoadError, match=expected):
        load(choice)


async def fails(engine: Engine, expected: str) -> None:
    """What is refused in the worker is an error here."""
    completer = WorkerCompleter(engine)
    try:
        with pytest.raises(GeneratorError, match=expected):
            await complete(completer, SHORT)
    finally:
        await completer.aclose()


@pytest.mark.parametrize("name", ["transformers", "ctranslate2"])
async def test_a_cancelled_request_stops_soon(name: str, model: Callable[[str], Path]) -> None:
    with worker(Engine(name, str(model("random" + "-converted" * (name == "ctranslate2"))))) as other:
        assert isinstance(other.receive(), Ready)
        other.send(LONG)
        await asyncio.sleep(0.3)
        other.send(Cancel(LONG.id))
        async with asyncio.timeout(2):
            _, reply = await asyncio.to_thread(other.end)
        assert reply == Failed(LONG.id, "cancelled")
        other.send(Cancel(LONG.id))
        assert len(other.ask(Request(2, SHORT))) == 1


def test_a_waiting_request_is_cancelled_before_it_begins(engine: Engine) -> None:
    with worker(engine) as other:
        other.send(LONG)
        other.send(replace(LONG, id=2))
        other.send(Cancel(2))
        other.send(Cancel(1))
        assert isinstance(other.receive(), Ready)
        assert other.receive() == Failed(1, "cancelled")
        assert other.receive() == Failed(2, "cancelled")


def test_what_comes_with_a_bad_request_is_answered(engine: Engine) -> None:
    with worker(engine) as other:
        other.send(Request(1, completion("⊢ \udc80")))
        other.send(Request(2, SHORT))
        assert isinstance(other.receive(), Ready)
        bad, (found, _) = other.receive(), other.end()
        assert isinstance(bad, Failed)
        assert (bad.id, len(found)) == (1, 1)


def test_continuations_come_as_they_end(engine: Engine) -> None:
    with worker(engine) as other:
        assert isinstance(other.receive(), Ready)
        other.send(LONG)
        assert isinstance(other.receive(), Found)
        other.send(Cancel(LONG.id))
        assert other.end()[1] == Failed(LONG.id, "cancelled")


@pytest.mark.parametrize("busy", [False, True], ids=["loading", "generating"])
async def test_the_end_of_its_input_ends_the_worker(slow_engine: Engine, *, busy: bool) -> None:
    with worker(slow_engine) as other:
        if busy:
            assert isinstance(other.receive(), Ready)
            other.send(LONG)
        await asyncio.sleep(0.3)
        other.stdin.close()
        assert other.process.wait(timeout=2) == 0


def test_what_is_no_order_ends_the_worker(engine: Engine) -> None:
    with worker(engine) as other:
        other.stdin.write(b"hello\n")
        other.stdin.flush()
        assert other.process.wait(timeout=5) == 1


async def test_closing_ends_the_worker_until_the_next_question(engine: Engine) -> None:
    completer = WorkerCompleter(engine)
    await completer.ready()
    asking = asyncio.create_task(complete(completer, LONG.completion))
    await asyncio.sleep(0.1)
    await completer.aclose()
    with pytest.raises(GeneratorError, match="was stopped"):
        await asking
    assert await complete(completer, SHORT)
    await completer.aclose()


async def test_the_worker_ends_with_a_killed_language_server(engine: Engine) -> None:
    code = (
        "import asyncio, os, signal, sys\n"
        "from llmstep_lsp.adapters.generators.worker import Engine, WorkerCompleter\n"
        "from tests.asking import complete, completion\n"
        "async def main():\n"
        "    completer = WorkerCompleter(Engine('ctranslate2', sys.argv[1]))\n"
        "    await completer.ready()\n"
        "    asyncio.get_running_loop().call_later(0.2, os.kill, os.getpid(), signal.SIGKILL)\n"
        "    await complete(completer, completion('x', count=256, max_new_tokens=1000))\n"
        "asyncio.run(main())\n"
    )
    # The worker shares the standard error of its parent, which ends only with both of them.
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, engine.model), env=environment(), stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        await parent.communicate()
    assert parent.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"config.json": json.dumps({"model_type": "mystery", "auto_map": {"AutoConfig": "code.Config"}})},
            "brings program code of its own, which llmstep-lsp never runs: choose a model",
        ),
        ({"config.json": "{"}, r"cannot be loaded \(.*not a valid JSON file.*\): choose another one"),
        (
            {"config.json": json.dumps({"model_type": "gpt_neox"})},
            r"cannot be loaded \(.*\): choose another one",
        ),
    ],
    ids=["own-code", "broken-config", "no-tokenizer"],
)
def test_what_is_not_a_usable_model(tmp_path: Path, files: dict[str, str], expected: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    refused(Choice("transformers", str(tmp_path)), expected)


async def test_a_model_without_its_head_is_refused(tmp_path: Path) -> None:
    save_headless(tmp_path, context=64)
    await fails(Engine("transformers", str(tmp_path)), r"lacks weights .*head")


async def test_a_model_that_cannot_be_had_from_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    expected = "nobody/nothing is no directory here, and cannot be loaded"
    await fails(Engine("transformers", "nobody/nothing"), expected)


async def test_a_converted_model_that_is_broken(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "llmstep.json").write_text("{}")
    await fails(Engine("ctranslate2", str(tmp_path)), r"cannot be loaded \(.*\): convert it anew by")


async def test_a_model_of_the_other_engine(model: Callable[[str], Path]) -> None:
    original, converted = str(model("random")), str(model("random-converted"))
    await fails(Engine("ctranslate2", original), r"`llmstep-lsp convert .* DIR` .* or name the engine transf")
    await fails(Engine("transformers", converted), "was converted for CTranslate2: name the engine ctransl")
    await fails(Engine("vllm", converted), "was converted for CTranslate2: name the engine ctranslate2")


@pytest.mark.parametrize("name", ["transformers", "ctranslate2"])
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"device": "cuda:99"}, "There is no device cuda:99 here: .* finds .*cpu"),
        ({"device": "abacus"}, "There is no device abacus here: .* finds .*cpu"),
        ({"dtype": "float3"}, "has no number type float3 .*: choose .*float32.* or auto"),
    ],
    ids=["cuda", "abacus", "dtype"],
)
def test_what_the_machine_does_not_have(
    name: str, model: Callable[[str], Path], options: dict[str, Any], expected: str
) -> None:
    place = model("random" + "-converted" * (name == "ctranslate2"))
    refused(Choice(name, str(place), **options), expected)


async def test_a_number_type_by_name(engine: Engine, slow_engine: Engine) -> None:
    for chosen in (
        replace(slow_engine, device="cpu", dtype="bfloat16"),
        replace(engine, device="cpu", dtype="int8_float32"),
    ):
        completer = WorkerCompleter(chosen)
        assert (await completer.ready()).dtype == chosen.dtype
        assert await complete(completer, SHORT)
        await completer.aclose()


@pytest.mark.parametrize(
    ("length", "size", "expected"),
    [(10, None, list(range(10))), (10, 10, list(range(10))), (10, 9, list(range(1, 10)))],
)
def test_a_prompt_is_cut_from_the_left(length: int, size: int | None, expected: list[int]) -> None:
    assert fit(list(range(length)), None, size) == expected


def test_a_cut_prompt_keeps_its_start_token() -> None:
    assert fit([7, 1, 2, 3, 4], 7, 4) == [7, 2, 3, 4]
    assert fit([1, 2, 3, 4, 7], 7, 4) == [2, 3, 4, 7]
