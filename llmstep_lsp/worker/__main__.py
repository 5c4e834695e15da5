"""Owns the life of the worker process: `python -m llmstep_lsp.worker --engine NAME --model MODEL`.

Standard output carries the protocol alone; whatever else prints there goes to standard
error.  A thread reads standard input all the time, so that a cancellation or the end of
the language server is noticed during a generation too.  Requests that wait are worked on
together.
"""

import argparse
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from typing import BinaryIO, NoReturn

from llmstep_lsp.domain.completion import Completion
from llmstep_lsp.worker.engine import Engine
from llmstep_lsp.worker.engines import ENGINES, Choice, load
from llmstep_lsp.worker.place import LoadError
from llmstep_lsp.worker.protocol import (
    Cancel,
    Done,
    Failed,
    Fatal,
    Found,
    Ready,
    Reply,
    Request,
    line,
    read_order,
)


class _Orders:
    """What the language server wants: requests in their order, and which are cancelled."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[tuple[Request, float]] = queue.SimpleQueue()
        self._cancelled: set[int] = set()

    def batch(self, most: int) -> list[tuple[Request, float]]:
        """The requests that wait, one to `most`, each with when it came (of `time.monotonic`)."""
        found = [self._waiting.get()]
        while len(found) < most and not self._waiting.empty():
            found.append(self._waiting.get())
        return found

    def cancelled(self, request: Request) -> bool:
        """Whether `request` was cancelled."""
        return request.id in self._cancelled

    def done(self, request: Request) -> None:
        """Forget `request`."""
        self._cancelled.discard(request.id)

    def read(self, source: BinaryIO) -> NoReturn:
        """Take in orders until `source` ends; then end the process, whatever it is doing."""
        status = 0
        try:
            for text in source:
                match read_order(text):
                    case Cancel(id_):
                        self._cancelled.add(id_)
                    case Request() as request:
                        self._waiting.put((request, time.monotonic()))
        except ValueError:
            traceback.print_exc()
            status = 1
        finally:
            os._exit(status)


class _Desk:
    """Answers requests by an engine."""

    def __init__(self, engine: Engine, orders: _Orders, replies: BinaryIO) -> None:
        self._engine = engine
        self._orders = orders
        self._replies = replies

    def serve(self) -> NoReturn:
        """Answer what comes, without end."""
        say(self._replies, Ready(self._engine.model))
        while True:
            batch = self._orders.batch(self._engine.together)
            self._answer(batch)
            for request, _ in batch:
                self._orders.done(request)

    def _answer(self, batch: Sequence[tuple[Request, float]]) -> None:
        """Answer a batch; if that fails, one request after the other: it may be the fault of one."""
        told: set[tuple[int, str]] = set()
        started = time.perf_counter()

        def stopped(number: int) -> bool:
            request, came = batch[number]
            return self._orders.cancelled(request) or _late(request.completion, came)

        try:
            completions = [request.completion for request, _ in batch]
            for number, continuation in self._engine.complete(completions, stopped):
                request, _ = batch[number]
                if (request.id, continuation.text) not in told:
                    told.add((request.id, continuation.text))
                    say(self._replies, Found(request.id, continuation))
        except Exception as error:  # noqa: BLE001  # whatever it is, the next request may succeed
            if len(batch) > 1 and not told:
                for one in batch:
                    self._answer([one])
                return
            if not isinstance(error, ValueError):  # which says all that there is to say
                traceback.print_exc()
            what = str(error).strip().partition("\n")[0] or type(error).__name__
            for request, _ in batch:
                say(self._replies, Failed(request.id, what))
            return
        milliseconds = (time.perf_counter() - started) * 1000
        for request, _ in batch:
            cancelled = self._orders.cancelled(request)
            say(
                self._replies,
                Failed(request.id, "cancelled") if cancelled else Done(request.id, milliseconds),
            )


def _late(completion: Completion, came: float) -> bool:
    return completion.seconds is not None and time.monotonic() - came > completion.seconds


def say(replies: BinaryIO, message: Reply) -> None:
    """Write `message` at once."""
    replies.write(line(message))
    replies.flush()


def main() -> NoReturn:
    """Load the model, then answer requests until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m llmstep_lsp.worker", description=__doc__)
    parser.add_argument("--engine", required=True, choices=ENGINES)
    parser.add_argument("--model", required=True, help="a model directory, or a name on the Hugging Face hub")
    parser.add_argument("--device", default="auto", help="cpu, cuda, mps; the fastest there is by default")
    parser.add_argument("--dtype", default="auto", help="what suits the device by default")
    arguments = parser.parse_args()
    choice = Choice(arguments.engine, arguments.model, arguments.device, arguments.dtype)

    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    orders = _Orders()
    threading.Thread(target=orders.read, args=(sys.stdin.buffer,), daemon=True).start()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # so few prompts at a time need no threads
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # they would be drawn into a log
    try:
        engine = load(choice)
    except (ImportError, LoadError) as error:
        extra = "" if choice.engine == "ctranslate2" else f"[{choice.engine}]"
        missing = f"The model worker cannot run ({error}): pip install 'llmstep-lsp{extra}'"
        say(replies, Fatal(missing if isinstance(error, ImportError) else str(error)))
        os._exit(1)  # an ordinary exit would wait for the thread that reads
    _Desk(engine, orders, replies).serve()


if __name__ == "__main__":
    main()
