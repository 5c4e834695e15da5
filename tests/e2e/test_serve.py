"""`llmstep-lsp serve` with a real, tiny model in its real worker."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.serving import COMMAND, Server, alive, descendants, plain_environment, serving

pytestmark = pytest.mark.model

TOKEN = "0123456789abcdef"  # noqa: S105
# More than a minute's work for the untrained model, on any machine.
LONG = {"prompt": "⊢ p", "n": 256, "max_tokens": 1024, "temperature": 1}


@pytest.fixture(scope="module")
def lessons() -> dict[str, str]:
    from tests.tiny_model import LESSONS  # noqa: PLC0415  # needs torch

    return LESSONS


@pytest.fixture(scope="module")
def babbling(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For CTranslate2, in which a worker is soonest ready."""
    from llmstep_lsp.worker.conversion import convert  # noqa: PLC0415  # as above
    from tests.tiny_model import save_random  # noqa: PLC0415  # as above

    folder = tmp_path_factory.mktemp("models")
    save_random(folder / "original", context=2048)
    convert(str(folder / "original"), folder / "babbling", "float32")
    return folder / "babbling"


@pytest.fixture(scope="module")
def server(trained: Path) -> Iterator[Server]:
    with serving("--model", trained, "--engine", "transformers") as server:
        server.await_ready()
        yield server


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


def prompt(goal: str) -> str:
    return f"[GOAL]{goal}[PROOFSTEP]"


def test_completions_are_what_was_learned(client: httpx.Client, lessons: dict[str, str]) -> None:
    asked = {"prompt": [prompt(goal) for goal in lessons], "temperature": 0, "max_tokens": 100, "logprobs": 0}
    answer = client.post("/v1/completions", json=asked | {"model": "trained"}).json()
    assert [choice["text"] for choice in answer["choices"]] == list(lessons.values())
    assert [choice["finish_reason"] for choice in answer["choices"]] == ["stop"] * len(lessons)
    for choice in answer["choices"]:
        said = choice["logprobs"]
        assert "".join(said["tokens"]) == choice["text"]
        starts = [choice["text"][offset:] for offset in said["text_offset"]]
        assert all(start.startswith(token) for start, token in zip(starts, said["tokens"], strict=True))
        assert -0.1 < sum(said["token_logprobs"]) / len(said["token_logprobs"]) < 0
    # A token for each byte, and one that ends each text.
    written = sum(len(step.encode()) + 1 for step in lessons.values())
    assert answer["usage"]["completion_tokens"] == written


def test_a_choice_ends_at_its_last_token_or_before_a_stop_string(client: httpx.Client) -> None:
    asked: dict[str, Any] = {"prompt": prompt("p q : Prop\n⊢ p → q → p"), "temperature": 0}
    short = client.post("/v1/completions", json=asked | {"max_tokens": 8}).json()["choices"][0]
    stopped = client.post("/v1/completions", json=asked | {"stop": [" h"]}).json()["choices"][0]
    assert (short["text"], short["finish_reason"]) == ("intro hp", "length")
    assert (stopped["text"], stopped["finish_reason"]) == ("intro", "stop")


def test_a_seed_repeats_the_samples(client: httpx.Client) -> None:
    asked = {"prompt": "⊢ p", "n": 4, "temperature": 2, "max_tokens": 12, "seed": 5}

    def texts(**others: Any) -> list[str]:
        answer = client.post("/v1/completions", json=asked | others).json()
        return [choice["text"] for choice in answer["choices"]]

    assert len(texts()) == 4
    assert texts() == texts()
    assert set(texts()) != set(texts(seed=6))


def test_one_choice_is_a_sample(client: httpx.Client) -> None:
    asked = {"prompt": "⊢ p", "temperature": 2, "max_tokens": 12}
    answers = [client.post("/v1/completions", json=asked).json()["choices"] for _ in range(4)]
    assert [len(choices) for choices in answers] == [1] * 4
    assert len({choices[0]["text"] for choices in answers}) > 1


def test_beams(client: httpx.Client, lessons: dict[str, str]) -> None:
    goal = "p q : Prop\n⊢ p → q → p"
    asked = {"prompt": prompt(goal), "n": 3, "max_tokens": 30, "use_beam_search": True, "temperature": 0}
    choices = client.post("/v1/completions", json=asked).json()["choices"]
    assert choices[0]["text"] == lessons[goal]
    assert len({choice["text"] for choice in choices}) == 3


def test_events(client: httpx.Client, lessons: dict[str, str]) -> None:
    goal, step = next(iter(lessons.items()))
    asked = {"prompt": prompt(goal), "temperature": 0, "max_tokens": 100, "stream": True}
    with client.stream("POST", "/v1/completions", json=asked) as answer:
        lines = [line for line in answer.iter_lines() if line]
    assert len(lines) == 2
    assert json.loads(lines[0].removeprefix("data: "))["choices"][0]["text"] == step
    assert lines[1] == "data: [DONE]"


def test_concurrent_requests_each_get_their_own_answer(server: Server, lessons: dict[str, str]) -> None:
    goals = list(lessons) * 6

    def suggestions(goal: str) -> list[str]:
        with server.client() as client:
            answer = client.post("/", json={"tactic_state": goal, "prefix": "", "context": ""}).json()
        found: list[str] = answer["suggestions"]
        return found

    with ThreadPoolExecutor(len(goals)) as pool:
        answers = list(pool.map(suggestions, goals))
    assert [answer[0] for answer in answers] == [lessons[goal] for goal in goals]


def test_models_and_health(client: httpx.Client) -> None:
    (model,) = client.get("/v1/models").json()["data"]
    assert (model["id"], model["max_model_len"]) == ("trained", 512)
    health = client.get("/health").json()
    assert {name: health[name] for name in ("status", "model", "engine", "context")} == {
        "status": "ready",
        "model": "trained",
        "engine": "transformers",
        "context": 512,
    }


def test_pages_of_the_web_are_kept_out(client: httpx.Client) -> None:
    assert client.get("/health", headers={"Host": "rebound.example"}).status_code == 403
    assert client.get("/health", headers={"Origin": "https://page.example"}).status_code == 403


def test_what_is_shown_is_what_works(server: Server) -> None:
    example = server.await_line(re.compile("^Try: (curl .*)$"))[1]
    done = subprocess.run(example, shell=True, capture_output=True, text=True, check=True)  # noqa: S602
    assert json.loads(done.stdout)["suggestions"][0] == "rfl"


def test_who_goes_away_frees_the_model(babbling: Path) -> None:
    with serving("--model", babbling, "--engine", "ctranslate2") as server:
        server.await_ready()
        body = json.dumps(LONG).encode()
        head = f"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        with socket.create_connection(server.address) as gone, server.client() as client:
            gone.sendall(head.encode() + body)
            await_metric(client, "llmstep_requests_in_flight 2.0")
            time.sleep(0.5)  # so that the model is at work
            gone.close()
            await_metric(client, 'llmstep_requests_total{endpoint="completions",status="499"} 1.0')
            started = time.monotonic()
            answer = client.post("/v1/completions", json={"prompt": "⊢ q", "max_tokens": 2})
            assert answer.status_code == 200
            assert time.monotonic() - started < 20
            await_metric(client, "llmstep_requests_in_flight 1.0")


def await_metric(client: httpx.Client, line: str) -> None:
    """Wait until the metrics have this line."""
    deadline = time.monotonic() + 20
    while line not in (seen := client.get("/metrics").text.splitlines()):
        assert time.monotonic() < deadline, seen
        time.sleep(0.02)


def test_while_the_model_loads(trained: Path) -> None:
    with serving("--model", trained, "--engine", "transformers") as server, server.client() as client:
        health = client.get("/health")
        question = client.post("/", json={"tactic_state": "⊢ p", "prefix": ""})
        server.await_ready()
        after = client.get("/health")
    assert (health.status_code, health.json()["status"]) == (503, "loading")
    assert (question.status_code, question.headers["retry-after"]) == (503, "1")
    assert after.status_code == 200


def test_a_model_that_cannot_be_loaded(tmp_path: Path) -> None:
    with serving("--model", tmp_path, "--engine", "transformers") as server, server.client() as client:
        told = server.await_line(re.compile("^llmstep-lsp: (.*)$"))[1]
        health = client.get("/health")
    reason = f"The directory {tmp_path} holds no model (it has no config.json): "
    assert told.startswith(reason)
    assert (health.status_code, health.json()["status"]) == (500, "failed")
    assert health.json()["message"].startswith(reason)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("busy", [False, True])
def test_a_signal_ends_it_and_all_that_it_started(
    babbling: Path,
    number: signal.Signals,
    busy: bool,  # noqa: FBT001
) -> None:
    with serving("--model", babbling, "--engine", "ctranslate2") as server:
        server.await_ready()
        children = descendants(server.process.pid)
        assert children
        with server.client() as client, ThreadPoolExecutor(1) as pool:
            asking = pool.submit(client.post, "/v1/completions", json=LONG) if busy else None
            await_metric(client, f"llmstep_requests_in_flight {2.0 if busy else 1.0}")
            server.process.send_signal(number)
            assert server.process.wait(timeout=10) == 0
            if asking:
                answer = asking.result()
                assert (answer.status_code, answer.json()["error"]["type"]) == (500, "server_error")
        assert alive(children) == set()
    assert not any("Traceback" in line for line in server.said)


def test_a_signal_ends_it_while_the_model_loads(trained: Path) -> None:
    with serving("--model", trained, "--engine", "transformers") as server:
        assert server.url
        children = descendants(server.process.pid)
        server.process.terminate()
        assert server.process.wait(timeout=10) == 0
        assert alive(children) == set()
    assert not any("Traceback" in line for line in server.said)


def test_the_worker_ends_even_if_the_server_is_killed(babbling: Path) -> None:
    with serving("--model", babbling, "--engine", "ctranslate2") as server:
        server.await_ready()
        children = descendants(server.process.pid)
        server.process.kill()
        server.process.wait()
        deadline = time.monotonic() + 10
        while alive(children):
            assert time.monotonic() < deadline
            time.sleep(0.02)


def run(*arguments: str | Path, **environment: str) -> tuple[int, str]:
    """The exit status of a server that does not start, and what it says."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=plain_environment() | environment,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_a_port_that_is_taken(trained: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, said = run("--model", trained, "--port", str(port))
    assert (status, said) == (
        1,
        f"llmstep-lsp: The server cannot listen at port {port} of 127.0.0.1 (Address already in use): "
        "end what uses it, or choose another with --port.\n",
    )


def test_others_get_in_only_with_a_token(trained: Path, tmp_path: Path) -> None:
    everywhere = "0.0.0.0"  # noqa: S104
    status, said = run("--model", trained, "--host", everywhere)
    assert (status, said.split(":")[1]) == (1, " Others could use this server at 0.0.0.0")
    status, said = run("--model", trained, "--host", everywhere, LLMSTEP_SERVE_TOKEN="1234")  # noqa: S106
    assert (status, "at least 16 characters" in said) == (1, True)
    file = tmp_path / "token"
    status, said = run("--model", trained, "--host", everywhere, "--token-file", file)
    assert (status, f"The token cannot be read from {file}" in said) == (1, True)
    file.write_text(TOKEN + "\n")
    ways: list[tuple[list[str | Path], dict[str, str]]] = [
        (["--token-file", file], {}),
        ([], {"LLMSTEP_SERVE_TOKEN": TOKEN}),
    ]
    for arguments, environment in ways:
        with (
            serving("--model", trained, "--host", everywhere, *arguments, environment=environment) as server,
            server.client() as stranger,
            server.client(TOKEN) as friend,
        ):
            assert stranger.get("/health").status_code == 401
            assert friend.get("/health", headers={"Host": "tunnel.example"}).status_code == 503
            cmdline = Path(f"/proc/{server.process.pid}/cmdline").read_text()
            assert TOKEN not in cmdline + "".join(server.said)


def test_arguments_of_vllm_are_for_vllm(trained: Path) -> None:
    status, said = run("--model", trained, "--engine", "transformers", "--", "--max-model-len", "512")
    assert (status, "only --engine vllm takes the arguments" in said) == (2, True)


def test_without_the_extra_it_says_what_to_install(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "uvicorn.py").write_text("raise ImportError(\"No module named 'uvicorn'\")\n")
    status, said = run("--model", trained, PYTHONPATH=str(tmp_path))
    assert (status, said) == (
        1,
        "llmstep-lsp: The model server is not installed (No module named 'uvicorn'): "
        "pip install 'llmstep-lsp[serve]'\n",
    )


def test_the_other_commands_load_no_server() -> None:
    code = "import sys, llmstep_lsp.edge.serve; print('uvicorn' in sys.modules or 'starlette' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
