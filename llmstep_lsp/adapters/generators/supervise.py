"""Owns a program and all that it starts: they end when our standard input does.

`python -m llmstep_lsp.adapters.generators.supervise PROGRAM ARGUMENT…` runs the program in a
session of its own and ends as it does.  Whoever holds the other end of standard input thus
takes it along, even if killed.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from typing import NoReturn

# Seconds that the program has to end by itself.
_PATIENCE = 5.0


def main() -> NoReturn:
    """Run the program until it or standard input ends."""
    program = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)
    threading.Thread(target=_end_with_input, args=(program,), daemon=True).start()
    status = program.wait()
    _kill(program)  # what it left behind
    os._exit(status if status >= 0 else 128 - status)  # an ordinary exit would wait for the thread


def _end_with_input(program: "subprocess.Popen[bytes]") -> None:
    sys.stdin.buffer.read()
    program.terminate()
    time.sleep(_PATIENCE)
    _kill(program)


def _kill(program: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says the latter of what has ended
        os.killpg(program.pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
