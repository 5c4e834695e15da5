"""What can go wrong between the language server and a model worker, with no model at all."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from llmstep_lsp.adapters.generators import worker
from llmstep_lsp.adapters.generators.worker import Engine, WorkerCompleter
from llmstep_lsp.domain.completion import Continuation
from llmstep_lsp.errors import GeneratorError
from tests.asking import ROOT, complete, completion, environment

ASKED = completion("⊢ p")
READY = """
import json, signal, sys, time
def say(**message): print(json.dumps(message), flush=True)
say(kind="Ready", model=dict(engine="fake", model="fake", device="cpu", dtype="float32", parameters=1, context=None))
"""


@pytest.fixture(autouse=True)
def _checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture
async def completer(tmp_path: Path) -> AsyncIterator[WorkerCompleter]:
    completer = WorkerCompleter(Engine("transformers", str(tmp_path / "model")))
    yield completer
    await completer.aclose()


def play(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let `script` stand in for the worker."""
    monkeypatch.setattr(worker, "worker_command", lambda _engine: (sys.executable, "-c", script))


def test_the_language_server_imports_no_model_library() -> None:
    code = (
        "import sys; import llmstep_lsp.adapters.generators.worker, llmstep_lsp.worker.protocol;"
        "print(sorted({'torch', 'transformers', 'tokenizers', 'ctranslate2', 'vllm'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        (sys.executable, "-c", code), env=environment(), check=True, capture_output=True, text=True
    )
    assert done.stdout == "[]\n"


async def test_a_missing_extra_is_named_and_prints_do_no_harm(
    completer: WorkerCompleter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "torch.py").write_text("print('loading'); raise ImportError('no torch here')")
    monkeypatch.setenv("PYTHONPATH", environment(broken)["PYTHONPATH"])
    with pytest.raises(GeneratorError, match=r"no torch here.*pip install 'llmstep-lsp\[transformers\]'"):
        await complete(completer, ASKED)


async def test_files_of_the_current_directory_are_not_run(
    completer: WorkerCompleter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("open('ran', 'w')")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GeneratorError, match="There is no directory"):
        await complete(completer, ASKED)
    assert not (tmp_path / "ran").exists()


async def test_a_missing_directory(completer: WorkerCompleter, tmp_path: Path) -> None:
    with pytest.raises(GeneratorError) as caught:
        await complete(completer, ASKED)
    assert str(caught.value) == (
        f"There is no directory {tmp_path / 'model'}: "
        "name a model directory, or a model of the Hugging Face hub."
    )


async def test_a_directory_that_is_no_model(completer: WorkerCompleter, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with pytest.raises(GeneratorError, match=r"holds no model \(it has no config\.json\): name a directory"):
        await complete(completer, ASKED)


async def test_a_file_is_no_model(completer: WorkerCompleter, tmp_path: Path) -> None:
    (tmp_path / "model").write_text("")
    with pytest.raises(GeneratorError, match="is a file: name the directory of the model"):
        await complete(completer, ASKED)


async def test_a_program_that_cannot_be_started(
    completer: WorkerCompleter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "worker_command", lambda _engine: ("/nowhere/python",))
    with pytest.raises(GeneratorError, match="cannot be started"):
        await complete(completer, ASKED)


@pytest.mark.parametrize(
    "script",
    [
        "print('hello', flush=True); input()",
        "print('hello')",
        "print('[' * 2**25, flush=True); input()",
        "print('[' * 2**16, flush=True); input()",
        READY + "input(); print('{}', flush=True); input()",
    ],
    ids=["no-json", "no-json-and-gone", "endless-line", "deep-json", "other-json"],
)
async def test_garbage_ends_the_worker(
    completer: WorkerCompleter, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    play(monkeypatch, script)
    with pytest.raises(GeneratorError, match="wrote what is not its protocol"):
        await complete(completer, ASKED)
    assert process(completer).returncode is not None


async def test_a_worker_that_only_stops_writing_is_ended(
    completer: WorkerCompleter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_PATIENCE", 0.2)
    play(monkeypatch, READY + "import os; input(); os.close(1); time.sleep(60)")
    with pytest.raises(GeneratorError, match="ended"):
        await complete(completer, ASKED)
    assert process(completer).returncode is not None


async def test_the_next_question_starts_a_new_worker(
    completer: WorkerCompleter, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(monkeypatch, READY + "input(); sys.exit(3)")
    with pytest.raises(GeneratorError, match=r"ended \(exit status 3\): the next question starts it again"):
        await complete(completer, ASKED)
    play(
        monkeypatch,
        READY + "id = json.loads(input())['id']; "
        "say(kind='Found', id=id, continuation=dict(text='rfl', score=-1)); "
        "say(kind='Done', id=id, milliseconds=1); input()",
    )
    assert await complete(completer, ASKED) == [Continuation("rfl", -1)]


async def test_an_error_of_the_model_is_told_and_the_worker_goes_on(
    completer: WorkerCompleter, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(
        monkeypatch,
        READY + "while True: say(kind='Failed', id=json.loads(input())['id'], error='out of memory')",
    )
    for _ in range(2):
        with pytest.raises(GeneratorError, match="could not answer: out of memory"):
            await complete(completer, ASKED)
        assert process(completer).returncode is None


async def test_closing_ends_a_worker_that_will_not_and_tells_who_waits(
    completer: WorkerCompleter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_PATIENCE", 0.2)
    play(monkeypatch, READY + "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: time.sleep(60)")
    asking = asyncio.create_task(complete(completer, ASKED))
    while completer._worker is None or not completer._worker._loaded.is_set():  # noqa: ASYNC110  # nothing tells
        await asyncio.sleep(0.01)
    await completer.aclose()
    with pytest.raises(GeneratorError, match="was stopped"):
        await asking
    assert process(completer).returncode == -9


async def test_closing_what_never_started(completer: WorkerCompleter) -> None:
    await completer.aclose()


def process(completer: WorkerCompleter) -> asyncio.subprocess.Process:
    assert completer._worker is not None
    return completer._worker._process
