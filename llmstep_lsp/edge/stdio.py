"""Owns being a language server on standard input and output, where only the protocol may appear."""

import gc
import io
import os
import sys
from collections.abc import Mapping
from typing import Any

from llmstep_lsp.compose import make_parts
from llmstep_lsp.edge.logs import log_to_file, log_to_stderr
from llmstep_lsp.edge.server import create_server
from llmstep_lsp.edge.session import Start


def serve(settings: Mapping[str, str]) -> None:
    """Serve until the editor ends the session; `settings` are those of the command line."""
    log_to_stderr(sys.stderr)
    log_to_file()
    protocol = _ProtocolOutput(io.FileIO(os.dup(sys.stdout.fileno()), "wb"))
    # Whatever a library prints goes to standard error.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    server = create_server(make_parts, Start(settings, os.environ))
    gc.freeze()
    gc.enable()
    server.start_io(stdout=protocol)


class _ProtocolOutput(io.BufferedWriter):
    """Standard output until `exit` closes it; answers to what was still asked then are for nobody."""

    def write(self, data: Any) -> int:
        return len(data) if self.closed else super().write(data)

    def flush(self) -> None:
        if not self.closed:
            super().flush()
