"""Owns how tests ask a generator or an engine, and how they run a model worker without one."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from llmstep_lsp.adapters.generators.worker import Engine, worker_command
from llmstep_lsp.domain.completion import Completion, Continuation, Part, Prompt
from llmstep_lsp.domain.model import Candidate, Goal
from llmstep_lsp.ports import Completer, Generator, Question
from llmstep_lsp.worker.protocol import Done, Failed, Found, Order, Reply, Request, line, read_reply

ROOT = Path(__file__).parent.parent


def environment(*paths: Path) -> dict[str, str]:
    """The environment of a child that finds Python files in `paths` first, then this checkout's."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (*paths, ROOT)))}


async def ask(generator: Generator, goal: str, prefix: str = "", count: int = 8) -> list[Candidate]:
    """All candidates for one goal, of which the generator reads only the text."""
    question = Question((Goal(text=goal, target=""),), prefix, context="", count=count)
    return [candidate async for candidate in generator.candidates(question)]


def completion(prompt: str, count: int = 8, **others: Any) -> Completion:
    """Asks for continuations of a prompt of one part."""
    return Completion(Prompt((Part(prompt),)), count, **others)


async def complete(completer: Completer, asked: Completion) -> list[Continuation]:
    """All continuations, the best first."""
    found = [continuation async for continuation in completer.complete(asked)]
    return sorted(found, key=lambda continuation: -(continuation.score or 0))


class Worker:
    """A model worker at the other end of two pipes."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.process = process
        self.stdin = process.stdin
        self.stdout = process.stdout

    def send(self, order: Order) -> None:
        self.stdin.write(line(order))
        self.stdin.flush()

    def receive(self) -> Reply:
        return read_reply(self.stdout.readline())

    def end(self) -> tuple[list[Continuation], Done | Failed]:
        """What is still found, for any request, and then how one ends."""
        found = []
        while isinstance(reply := self.receive(), Found):
            found.append(reply.continuation)
        assert isinstance(reply, Done | Failed)
        return found, reply

    def ask(self, request: Request) -> list[Continuation]:
        self.send(request)
        found, reply = self.end()
        assert isinstance(reply, Done)
        return found


@contextmanager
def worker(engine: Engine) -> Iterator[Worker]:
    """A worker that was just started."""
    with subprocess.Popen(
        worker_command(engine), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()
    ) as process:
        try:
            yield Worker(process)
        finally:
            process.kill()
