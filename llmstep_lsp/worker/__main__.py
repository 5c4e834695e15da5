"""Owns the life of the worker process: `python -m llmstep_lsp.worker --model DIR`.

Standard output carries the protocol alone; whatever else prints there goes to standard
error.  A thread reads standard input all the time, so that a cancellation or the end of
the language server is noticed during a generation too.
"""

import argparse
import os
import queue
import sys
import threading
import traceback
from functools import partial
from typing import BinaryIO, NoReturn

from llmstep_lsp.worker.place import LoadError, is_local
from llmstep_lsp.worker.protocol import (
    Answer,
    Cancel,
    Failure,
    Fatal,
    Ready,
    Reply,
    Request,
    line,
    read_order,
)


class _Orders:
    """What the language server wants: requests in their order, and which are cancelled."""

    def __init__(self) -> None:
        self.requests: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self._cancelled: set[int] = set()

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
                        self.requests.put(request)
        except ValueError:
            traceback.print_exc()
            status = 1
        finally:
            os._exit(status)


def main() -> NoReturn:
    """Load the model, then answer requests until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m llmstep_lsp.worker", description=__doc__)
    parser.add_argument("--model", required=True, help="a model directory, or a name on the Hugging Face hub")
    name: str = parser.parse_args().model

    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    def reply(message: Reply) -> None:
        replies.write(line(message))
        replies.flush()

    orders = _Orders()
    threading.Thread(target=orders.read, args=(sys.stdin.buffer,), daemon=True).start()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # one prompt at a time needs no threads
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # they would be drawn into a log
    try:
        local = is_local(name)
        from llmstep_lsp.worker.model import describe, load  # noqa: PLC0415  # may be missing
        from llmstep_lsp.worker.sampling import CancelledError, sample  # noqa: PLC0415  # may be missing

        model = load(name, local=local)
    except (ImportError, LoadError) as error:
        missing = f"The model worker cannot run ({error}): pip install 'llmstep-lsp[transformers]'"
        reply(Fatal(missing if isinstance(error, ImportError) else str(error)))
        os._exit(1)  # an ordinary exit would wait for the thread that reads

    reply(Ready(describe(name, model)))
    while True:
        request = orders.requests.get()
        try:
            reply(Answer(request.id, sample(model, request, partial(orders.cancelled, request))))
        except CancelledError:
            reply(Failure(request.id, "cancelled"))
        except Exception as error:  # noqa: BLE001  # whatever it is, the next request may succeed
            traceback.print_exc()
            reply(Failure(request.id, str(error).strip().partition("\n")[0] or type(error).__name__))
        orders.done(request)


if __name__ == "__main__":
    main()
