"""Owns being a language server on standard input and output, where only the protocol may appear."""

import io
import logging
import os
import sys
from typing import Any

from llmstep_lsp.compose import make_suggester
from llmstep_lsp.edge.server import create_server


def serve() -> None:
    """Serve until the editor ends the session; logs go to standard error."""
    log = logging.StreamHandler(sys.stderr)
    log.setFormatter(_OneLine("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(handlers=[log], level=logging.WARNING)
    logging.getLogger("llmstep_lsp.adapters.generators").setLevel(logging.INFO)  # how far models are
    protocol = _ProtocolOutput(io.FileIO(os.dup(sys.stdout.fileno()), "wb"))
    # Whatever a library prints goes to standard error.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    create_server(make_suggester).start_io(stdout=protocol)


class _OneLine(logging.Formatter):
    """Names an exception instead of printing its traceback: editors show this log to people."""

    def formatException(self, ei: Any) -> str:  # noqa: N802  # the library's name
        return f"{ei[0].__name__}: {ei[1]}"


class _ProtocolOutput(io.BufferedWriter):
    """Standard output until `exit` closes it; answers to what was still asked then are for nobody."""

    def write(self, data: Any) -> int:
        return len(data) if self.closed else super().write(data)

    def flush(self) -> None:
        if not self.closed:
            super().flush()
