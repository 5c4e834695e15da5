"""Owns where our log goes: to standard error, to a file, and to the editor.

What a person proves is theirs, and log files are sent to others.  So above level debug the file has
the text of our own records alone, which never have goals or candidates in them, and of exceptions
that may quote what Lean or a model was asked, and of all other libraries, only what kind they are.
"""

import asyncio
import contextlib
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from llmstep_lsp.cache import log_file
from llmstep_lsp.errors import CacheError, LeanHookError, LeanInstallError, LeanNotFoundError

_log = logging.getLogger(__name__)

OURS = "llmstep_lsp"
_LARGEST = 5_000_000  # bytes
# Their texts are about this machine, not about a proof.
_HARMLESS = (CacheError, LeanHookError, LeanInstallError, LeanNotFoundError, OSError)
_EXPECTED = {
    types.ErrorCodes.InvalidParams,
    types.LSPErrorCodes.ContentModified,
    types.LSPErrorCodes.RequestCancelled,
    types.LSPErrorCodes.RequestFailed,
}
_TYPES = {
    logging.ERROR: types.MessageType.Error,
    logging.WARNING: types.MessageType.Warning,
    logging.INFO: types.MessageType.Info,
}

Send = Callable[[types.MessageType, str], None]
"""Shows a text in the editor's log."""


class _Own(logging.Formatter):
    """Words exceptions itself: records carry along how the first formatter worded theirs."""

    def format(self, record: logging.LogRecord) -> str:
        record = logging.makeLogRecord(vars(record))
        record.exc_text = None
        return super().format(record)


class OneLine(_Own):
    """Names an exception instead of printing its traceback."""

    def formatException(self, ei: Any) -> str:  # noqa: N802  # the library's name
        """The kind and the text of an exception."""
        return f"{ei[0].__name__}: {ei[1]}"


def log_to_stderr(stream: TextIO) -> None:
    """Write warnings to `stream`, which editors show to people."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(OneLine("%(levelname)s %(name)s: %(message)s"))
    handler.setLevel(logging.WARNING)
    handler.addFilter(is_news)
    logging.getLogger().addHandler(handler)
    logging.getLogger(OURS).setLevel(logging.INFO)


def log_to_file() -> None:
    """Append to the log file, too; if that is not possible, a warning says so, and that is all."""
    try:
        handler = _LogFile(log_file())
    except OSError as error:
        _log.warning("The log file %s cannot be written (%s).", log_file(), error.strerror)
        return
    logging.getLogger().addHandler(handler)


def set_level(name: str) -> None:
    """Let the log file and the editor's log keep records of this level ("error", …, "debug") and above."""
    level = logging.getLevelNamesMapping()[name.upper()]
    logging.getLogger(OURS).setLevel(min(level, logging.INFO))
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _LogFile):
            handler.setLevel(level)
            handler.setFormatter(_Whole() if level == logging.DEBUG else _Private())


def log_to_editor(send: Send) -> None:
    """Tell the editor our own records from info on, in the thread of the running event loop."""
    handler = _EditorLog(send, asyncio.get_running_loop())
    handler.setFormatter(OneLine("%(message)s"))
    logging.getLogger(OURS).addHandler(handler)


def is_news(record: logging.LogRecord) -> bool:
    """Whether `record` is more than pygls telling of an answer that the client got as an error on purpose."""
    raised = record.exc_info[1] if record.exc_info else None
    told = [raised, *record.args] if isinstance(record.args, tuple) else [raised]
    return not any(isinstance(one, JsonRpcException) and one.code in _EXPECTED for one in told)


class _Whole(_Own):
    """All of a record, tracebacks included."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s")


class _Private(_Whole):
    """One line for each record, without anything that may be of a proof."""

    def format(self, record: logging.LogRecord) -> str:
        record = logging.makeLogRecord(vars(record))
        if record.name.partition(".")[0] != OURS:
            record.args = ()
            record.msg = str(record.msg).partition("\n")[0]
        elif isinstance(record.args, tuple):
            record.args = tuple(map(_harmless, record.args))
        return " / ".join(super().format(record).splitlines())

    def formatException(self, ei: Any) -> str:  # noqa: N802  # the library's name
        kind, error, traceback = ei
        if isinstance(error, _HARMLESS):
            return f"{kind.__name__}: {error}"
        while traceback and traceback.tb_next:
            traceback = traceback.tb_next
        at = f" at {traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno}" if traceback else ""
        return f"{kind.__name__}{at}"


def _harmless(told: object) -> object:
    """`told`, or if it is an exception that may quote a proof, its kind."""
    if isinstance(told, Exception) and not isinstance(told, _HARMLESS):
        return f"{type(told).__name__} (level debug says more)"
    return told


class _LogFile(logging.FileHandler):
    """Appends to a file that only its owner may read; what was too large is put aside first."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # or another server was faster
            if file.stat().st_size > _LARGEST:
                file.replace(f"{file}.old")
        os.close(os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600))
        super().__init__(file, encoding="utf-8", errors="backslashreplace")
        self.setFormatter(_Private())
        self.setLevel(logging.INFO)
        self.addFilter(is_news)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802  # the library's name
        logging.getLogger().removeHandler(self)
        with contextlib.suppress(OSError):
            self.close()
        _log.warning("The log file %s cannot be written any more; nothing is added to it.", self.baseFilename)


class _EditorLog(logging.Handler):
    """Hands records over to `send`, in the thread of `loop`; what sending itself logs is left out."""

    def __init__(self, send: Send, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(logging.INFO)
        self._send = send
        self._loop = loop
        self._home = threading.get_ident()
        self._sending = False

    def emit(self, record: logging.LogRecord) -> None:
        kind = next(kind for level, kind in _TYPES.items() if record.levelno >= level)
        text = self.format(record)
        if threading.get_ident() == self._home:
            self._hand_over(kind, text)
            return
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._hand_over, kind, text)

    def _hand_over(self, kind: types.MessageType, text: str) -> None:
        if self._sending:
            return
        self._sending = True
        try:
            self._send(kind, text)
        except Exception:  # noqa: BLE001  # the editor has gone; to log that would come back here
            logging.getLogger(OURS).removeHandler(self)
        finally:
            self._sending = False
