"""Owns keeping candidates on disk."""

import asyncio
import json
import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path

from llmstep_lsp.domain.model import Candidate
from llmstep_lsp.errors import CacheError

_log = logging.getLogger(__name__)

# Seconds that another process may keep us waiting for the file.
_PATIENCE = 1.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY,
    candidates TEXT NOT NULL, -- a JSON list of [text, source, score]
    bytes INTEGER NOT NULL,   -- of the row, roughly
    used REAL NOT NULL        -- Unix time, in seconds
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_use ON answers (used);
"""


@dataclass(frozen=True)
class Stats:
    """How many answers a file holds and how large it is."""

    answers: int
    bytes: int


class DiskStore:
    """Implements `Store` by an SQLite file of at most `megabytes`, which several processes may share.

    What goes wrong with the file is logged, once as long as it stays the same; then nothing
    is remembered.
    """

    def __init__(self, file: Path, megabytes: int) -> None:
        self._file = file
        self._limit = megabytes * 1_000_000
        self._complaint = ""

    async def get(self, key: str) -> tuple[Candidate, ...] | None:
        """As the protocol says."""
        try:
            found = await asyncio.to_thread(self._get, key)
        except CacheError as error:
            self._complain(error)
            return None
        return found

    async def put(self, key: str, candidates: tuple[Candidate, ...]) -> None:
        """As the protocol says; what was not used for the longest time makes room."""
        try:
            await asyncio.to_thread(self._put, key, candidates)
        except CacheError as error:
            self._complain(error)

    def _get(self, key: str) -> tuple[Candidate, ...] | None:
        with _opened(self._file) as database:
            row = database.execute("SELECT candidates FROM answers WHERE key = ?", (key,)).fetchone()
            if row is None:
                return None
            database.execute("UPDATE answers SET used = ? WHERE key = ?", (time.time(), key))
            return tuple(Candidate(*fields) for fields in json.loads(row[0]))

    def _put(self, key: str, candidates: tuple[Candidate, ...]) -> None:
        text = json.dumps([astuple(candidate) for candidate in candidates])
        with _opened(self._file) as database:
            database.execute(
                "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)",
                (key, text, len(text) + len(key), time.time()),
            )
            while _size(database) > self._limit:
                database.execute(
                    "DELETE FROM answers WHERE key = (SELECT key FROM answers ORDER BY used LIMIT 1)"
                )

    def _complain(self, error: CacheError) -> None:
        if str(error) != self._complaint:
            self._complaint = str(error)
            _log.warning("%s", error)


def disk_stats(file: Path) -> Stats:
    """What `file` holds.

    Raises:
        CacheError: it cannot be read.
    """
    if not file.exists():
        return Stats(0, 0)
    with _opened(file) as database:
        return Stats(_answers(database), file.stat().st_size)


def clear_disk(file: Path) -> None:
    """Remove `file`, whatever it holds.

    Raises:
        CacheError: it cannot be removed.
    """
    try:
        for end in ("", "-wal", "-shm"):
            file.with_name(file.name + end).unlink(missing_ok=True)
    except OSError as error:
        raise CacheError(f"The cache {file} cannot be removed ({error.strerror}).") from error


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    """The database in `file`; what is done in the block is kept, all of it or nothing.

    Raises:
        CacheError: the file cannot be read or written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(file, timeout=_PATIENCE)) as database:
            database.executescript(_SCHEMA)
            with database:
                yield database
    except (sqlite3.Error, OSError, ValueError) as error:
        raise CacheError(
            f"The cache {file} cannot be used ({error}), so nothing is remembered there. Free some "
            "space, or remove it by `llmstep-lsp cache clear`."
        ) from error


def _answers(database: sqlite3.Connection) -> int:
    count: int = database.execute("SELECT COUNT(*) FROM answers").fetchone()[0]
    return count


def _size(database: sqlite3.Connection) -> int:
    size: int = database.execute("SELECT COALESCE(SUM(bytes), 0) FROM answers").fetchone()[0]
    return size
