"""Owns the child process that trains, and ends with whoever reads its reports."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from llmstep_lsp.errors import TrainingError
from llmstep_lsp.training.protocol import Fatal, Made, Report, read_report


def reports(directory: Path, lock: int) -> Iterator[Report]:
    """Go on with the run in `directory`, and tell what is reported; at last that it is made.

    The process holds `lock`, too, an open file's descriptor.

    Raises:
        TrainingError: it failed.
    """
    # -P keeps Python files of the current directory out of it.
    command = (sys.executable, "-P", "-m", "llmstep_lsp.training", str(directory))
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,  # its end, with this process, ends the other
        stdout=subprocess.PIPE,
        pass_fds=(lock,),
        start_new_session=True,  # an interrupt at the terminal is ours to handle
    ) as process:
        assert process.stdout is not None  # noqa: S101  # it is a pipe
        for line in process.stdout:
            report = read_report(line)
            if isinstance(report, Fatal):
                raise TrainingError(report.message)
            yield report
            if isinstance(report, Made):
                return
    raise TrainingError(
        f"The process that trains ended with exit status {process.returncode}; what it said is above. "
        "Run the same command again to go on from the last checkpoint."
    )
