"""How vLLM is started, watched and ended, with a stand-in for vLLM that does as its model's name says."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from llmstep_lsp.adapters.generators.vllm import VllmCompleter
from llmstep_lsp.domain.completion import Completion, Continuation, Model, Part, Prompt
from llmstep_lsp.errors import GeneratorError

# Starts a process of its own, as vLLM does, and tells its own and that one's number and how it was called.
STAND_IN = """
import json, os, subprocess, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

model, arguments = sys.argv[sys.argv.index(CALLED_WITH) + 1], sys.argv[1:]
port = int(arguments[arguments.index("--port") + 1])
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with Path(os.environ["STAND_IN"]).open("a") as notes:
    notes.write(json.dumps({"pids": [os.getpid(), child.pid], "arguments": arguments}) + "\\n")
print("(APIServer pid=1) INFO 01-01 00:00:00 [model.py:1] Starting to load model", model, flush=True)
print("(APIServer pid=1) INFO 01-01 00:00:00 [model.py:1] nothing of interest", flush=True)
if model == "dies":
    print("(EngineCore pid=2) ERROR 01-01 00:00:00 [core.py:1] Traceback (most recent call last):")
    print("(EngineCore pid=2) ERROR 01-01 00:00:00 [core.py:1] ValueError: no memory", flush=True)
    sys.exit(3)
if model == "loads":
    time.sleep(600)
healthy = True

class Handler(BaseHTTPRequestHandler):
    def answer(self, status, body):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())
    def do_GET(self):
        if self.path == "/health":
            self.answer(200 if healthy else 503, None)
        else:
            self.answer(200, {"data": [{"id": "served", "owned_by": "vllm", "max_model_len": 99}]})
    def do_POST(self):
        global healthy
        if model == "crashes":
            os._exit(9)
        if model == "sick":
            healthy = False
            self.answer(400, {"error": "EngineCore died"})
        else:
            self.answer(200, {"choices": [{"index": 0, "text": "rfl", "finish_reason": "stop"}]})
    def log_message(self, *_):
        pass

HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""
GREEDY = Completion(Prompt((Part("⊢ p"),)), count=1)

Make = Callable[..., VllmCompleter]


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where stand-ins leave their notes; this Python has the stand-in for vLLM's module."""
    package = tmp_path / "stand_in" / "vllm" / "entrypoints" / "openai"
    package.mkdir(parents=True)
    (package / "api_server.py").write_text(f"CALLED_WITH = '--model'\n{STAND_IN}")
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(tmp_path / "stand_in"), str(Path(__file__).parents[2])])
    )
    monkeypatch.setenv("STAND_IN", str(tmp_path / "notes"))
    for name in ("LLMSTEP_API_KEY", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "notes"


@pytest.fixture
async def make(notes: Path) -> AsyncIterator[Make]:
    made = []

    def make(model: str, *arguments: str, **options: object) -> VllmCompleter:
        made.append(VllmCompleter(model, arguments, **{"python": sys.executable, **options}))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for completer in made:
        await completer.aclose()


def read(notes: Path) -> list[dict[str, list[object]]]:
    """What each stand-in has noted, in their order."""
    return [json.loads(line) for line in notes.read_text().splitlines()]


def running(note: dict[str, list[object]]) -> list[object]:
    """Which of the processes of a stand-in live; what is dead and not yet reaped does not."""

    def lives(pid: object) -> bool:
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        return False

    return [pid for pid in note["pids"] if lives(pid)]


async def complete(completer: VllmCompleter) -> list[Continuation]:
    return [continuation async for continuation in completer.complete(GREEDY)]


async def failure(completer: VllmCompleter) -> str:
    with pytest.raises(GeneratorError) as caught:
        await complete(completer)
    return str(caught.value)


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110  # processes tell nobody
            await asyncio.sleep(0.05)


async def test_it_is_started_at_the_first_question_and_ends_with_all_its_processes(
    make: Make, notes: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    completer = make("good", "--tensor-parallel-size", "2")
    assert completer.url is None
    assert await complete(completer) == [Continuation("rfl", None)]
    [note] = read(notes)
    url = completer.url
    assert url is not None
    port = url.removeprefix("http://127.0.0.1:").removesuffix("/v1")
    own = ["--host", "127.0.0.1", "--port", port]
    assert note["arguments"] == ["--model", "good", "--tensor-parallel-size", "2", *own]
    assert [message for message in caplog.messages if message.startswith("vLLM: ")] == [
        "vLLM: Starting to load model good"
    ]
    assert await completer.ready() == Model("vllm", "served", url, "unknown", None, 99)
    assert len(running(note)) == 2
    await completer.aclose()
    assert completer.url is None
    await eventually(lambda: not running(note))


async def test_questions_at_the_same_time_start_it_once(make: Make, notes: Path) -> None:
    completer = make("good")
    assert await asyncio.gather(*(complete(completer) for _ in range(3))) == [[Continuation("rfl", None)]] * 3
    assert len(read(notes)) == 1


async def test_after_closing_it_starts_again(make: Make, notes: Path) -> None:
    completer = make("good")
    await complete(completer)
    await completer.aclose()
    await complete(completer)
    assert len(read(notes)) == 2


async def test_one_that_dies_is_started_again(make: Make, notes: Path) -> None:
    completer = make("good")
    await complete(completer)
    os.kill(int(str(read(notes)[0]["pids"][0])), signal.SIGKILL)
    await eventually(lambda: completer.url is None)
    await eventually(lambda: not running(read(notes)[0]))
    assert await complete(completer) == [Continuation("rfl", None)]
    assert len(read(notes)) == 2


async def test_one_that_cannot_start_tells_why(make: Make, notes: Path) -> None:
    completer = make("dies")
    for _ in range(2):
        assert await failure(completer) == (
            "The vLLM of dies ended (status 3); it wrote: ValueError: no memory. The next question starts it "
            "again; if it keeps ending, correct its arguments or choose a smaller model."
        )
    assert len(read(notes)) == 2
    await eventually(lambda: not running(read(notes)[1]))


async def test_one_that_crashes_at_a_question(make: Make, notes: Path) -> None:
    completer = make("crashes")
    told = await failure(completer)
    assert "ended (status 9)" in told or "No server answers" in told
    await eventually(lambda: completer.url is None)


async def test_one_that_is_no_longer_healthy_is_replaced(make: Make, notes: Path) -> None:
    completer = make("sick")
    assert "turned the question down (400: EngineCore died)" in await failure(completer)
    assert completer.url is not None
    await failure(completer)
    first, second = read(notes)
    await eventually(lambda: not running(first))
    assert len(running(second)) == 2


async def test_one_that_is_not_ready_in_time(make: Make, notes: Path) -> None:
    completer = make("loads", start_seconds=2)
    assert await failure(completer) == (
        "The vLLM of loads was not ready within 2 seconds and was stopped; it last wrote: Starting to load "
        "model loads / nothing of interest. Choose a smaller model, or allow more time."
    )
    await eventually(lambda: not running(read(notes)[0]))


async def test_whoever_waits_can_leave_and_it_still_loads(make: Make, notes: Path) -> None:
    completer = make("good")
    asking = asyncio.create_task(complete(completer))
    await eventually(lambda: completer.url is not None)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await complete(completer) == [Continuation("rfl", None)]
    assert len(read(notes)) == 1


async def test_closing_while_it_loads(make: Make, notes: Path) -> None:
    completer = make("loads")
    asking = asyncio.create_task(failure(completer))
    await eventually(notes.exists)
    await completer.aclose()
    assert await asking == "The vLLM of loads was stopped: ask again to start it."
    await eventually(lambda: not running(read(notes)[0]))


async def test_it_does_not_outlive_this_process(notes: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from llmstep_lsp.adapters.generators.vllm import VllmCompleter\n"
        "async def main():\n"
        "    await VllmCompleter('good', python=sys.executable).ready()\n"
        "    print('ready', flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())"
    )
    with subprocess.Popen((sys.executable, "-c", program), stdout=subprocess.PIPE) as process:  # noqa: ASYNC220
        assert process.stdout is not None
        assert await asyncio.to_thread(process.stdout.readline) == b"ready\n"
        [note] = read(notes)
        assert len(running(note)) == 2
        process.kill()
    await eventually(lambda: not running(note))


async def test_the_program_on_the_path_is_used_if_this_python_has_no_vllm(
    notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    completer = VllmCompleter("good")
    assert await failure(completer) == (
        "vLLM is not installed here: pip install 'llmstep-lsp[vllm]', or put the `vllm` of another "
        "environment on the PATH."
    )
    program = folder / "vllm"
    program.write_text(f"#!{sys.executable}\nCALLED_WITH = 'serve'\n{STAND_IN}")
    program.chmod(0o755)
    assert await complete(completer) == [Continuation("rfl", None)]
    assert read(notes)[0]["arguments"][:2] == ["serve", "good"]
    await completer.aclose()


async def test_a_python_that_is_none() -> None:
    completer = VllmCompleter("good", python="/nowhere/python")
    assert (await failure(completer)).startswith("The Python /nowhere/python cannot be started")
