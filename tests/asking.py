"""Owns how tests ask a generator, and how they run a model worker without one."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llmstep_lsp.adapters.generators.transformers import worker_command
from llmstep_lsp.domain.model import Candidate, Goal
from llmstep_lsp.ports import Generator, Question
from llmstep_lsp.worker.protocol import Answer, Order, Reply, Request, line, read_reply

ROOT = Path(__file__).parent.parent


def environment(*paths: Path) -> dict[str, str]:
    """The environment of a child that finds Python files in `paths` first, then this checkout's."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (*paths, ROOT)))}


async def ask(generator: Generator, goal: str, prefix: str = "", count: int = 8) -> list[Candidate]:
    """All candidates for one goal, of which the generator reads only the text."""
    question = Question((Goal(text=goal, target=""),), prefix, context="", count=count)
    return [candidate async for candidate in generator.candidates(question)]


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

    def ask(self, request: Request) -> Answer:
        self.send(request)
        answer = self.receive()
        assert isinstance(answer, Answer)
        return answer


@contextmanager
def worker(model: Path) -> Iterator[Worker]:
    """A worker that was just started."""
    command = worker_command(str(model))
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()
    ) as process:
        try:
            yield Worker(process)
        finally:
            process.kill()
