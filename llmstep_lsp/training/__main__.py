"""Owns the life of the process that trains: `python -m llmstep_lsp.training DIRECTORY`.

Standard output carries the protocol alone; whatever else prints there goes to standard
error.  A thread reads standard input, so that the process never outlives the command line.
"""

import os
import shutil
import sys
import threading
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from llmstep_lsp.training.protocol import (
    CONVERTED,
    LOG,
    MODEL,
    PLOT,
    Fatal,
    Made,
    Report,
    Said,
    line,
    read_run,
)
from llmstep_lsp.worker.place import LoadError

_EXTRAS = "pip install 'llmstep-lsp[train]'"
_AGAIN = "Run the same command again to go on from the last checkpoint."
# The libraries say in many ways that a disk is full, and leave so many bytes at most.
_FULL = 2**20


def main() -> NoReturn:
    """Train, draw, and convert what is not there yet."""
    reports = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    def say(report: Report) -> None:
        reports.write(line(report))
        reports.flush()

    threading.Thread(target=_end_with_input, daemon=True).start()
    warnings.simplefilter("ignore")  # what the libraries warn of is not ours
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    directory = Path(sys.argv[1])
    try:
        _make(directory, say)
    except ImportError as error:
        say(Fatal(f"Models cannot be trained here ({error}): {_EXTRAS}"))
    except LoadError as error:
        say(Fatal(str(error)))
    except Exception as error:  # noqa: BLE001  # whatever it is, a person must be told
        if shutil.disk_usage(directory).free < _FULL:
            say(Fatal(f"There is no space left for {directory}: make room. {_AGAIN}"))
        else:
            traceback.print_exc()
            what = str(error).strip().partition("\n")[0] or type(error).__name__
            say(Fatal(f"The training failed ({what}). {_AGAIN}"))
    os._exit(0)  # an ordinary exit would wait for the thread that reads


def _end_with_input() -> NoReturn:
    sys.stdin.buffer.read()
    os._exit(1)


def _make(directory: Path, say: Callable[[Report], None]) -> None:
    from llmstep_lsp.training.train import train  # noqa: PLC0415  # may be missing
    from llmstep_lsp.worker.conversion import convert  # noqa: PLC0415  # may be missing

    run = read_run(directory)
    if not (directory / MODEL).is_dir():
        train(run, directory, say)
    try:
        from llmstep_lsp.training.loss_plot import plot_loss  # noqa: PLC0415  # may be missing

        plot_loss(directory / LOG, directory / PLOT)
    except ImportError:
        say(Said(f"{PLOT} is not drawn, for want of matplotlib: pip install 'llmstep-lsp[bench]'."))
    if run.quantization and not (directory / CONVERTED).is_dir():
        say(Said("Converting for CTranslate2."))
        try:
            convert(str(directory / MODEL), directory / CONVERTED, run.quantization)
        except LoadError as error:
            raise LoadError(
                f"The model is trained: name {directory / MODEL} with --model. It could not be converted for "
                f"CTranslate2: {error.__cause__ or error}"
            ) from error
    say(Made())


if __name__ == "__main__":
    main()
