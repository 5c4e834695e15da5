"""Where log records go, what is in the file, and what of a person's proofs is not."""

import asyncio
import logging
import os
import re
import sys
import threading
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from llmstep_lsp.edge import logs
from llmstep_lsp.errors import GeneratorError, LeanHookError, LeanRequestError

OURS = logging.getLogger("llmstep_lsp.adapters.x")
THEIRS = logging.getLogger("pygls.protocol.json_rpc")
SECRET = "h : secret"  # noqa: S105


@pytest.fixture(autouse=True)
def untouched() -> Iterator[None]:
    """Gives the loggers back as they were."""
    root, ours = logging.getLogger(), logging.getLogger(logs.OURS)
    before = root.handlers[:], ours.handlers[:], root.level, ours.level
    yield
    for handler in {*root.handlers, *ours.handlers} - {*before[0], *before[1]}:
        handler.close()
    root.handlers[:], ours.handlers[:] = before[0], before[1]
    root.setLevel(before[2])
    ours.setLevel(before[3])


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "logs/llmstep-lsp.log"
    monkeypatch.setenv("LLMSTEP_LOG_FILE", str(path))
    return path


def start(level: str) -> StringIO:
    """Logging as a server has it; returns its standard error."""
    stream = StringIO()
    logs.log_to_stderr(stream)
    logs.log_to_file()
    logs.set_level(level)
    return stream


def told(file: Path) -> list[str]:
    """The lines of the file, without their times and process ids, which are checked."""
    head = re.compile(rf"\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d,\d{{3}} {os.getpid()} ")
    lines = file.read_text().splitlines()
    assert all(head.match(line) for line in lines)
    return [head.sub("", line) for line in lines]


def test_each_record_is_a_line(file: Path) -> None:
    stream = start("info")
    OURS.debug("a candidate")
    OURS.info("starting %s", "lean")
    OURS.warning("two\nlines")
    THEIRS.info("not ours")
    assert told(file) == [
        "INFO llmstep_lsp.adapters.x: starting lean",
        "WARNING llmstep_lsp.adapters.x: two / lines",
    ]
    assert stream.getvalue() == "WARNING llmstep_lsp.adapters.x: two\nlines\n"
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("error", ["e"]),
        ("warning", ["w", "e"]),
        ("info", ["i", "w", "e"]),
        ("debug", ["d", "i", "w", "e"]),
    ],
)
def test_levels(file: Path, level: str, expected: list[str]) -> None:
    start(level)
    for log, name in ((OURS.debug, "d"), (OURS.info, "i"), (OURS.warning, "w"), (OURS.error, "e")):
        log(name)
    assert [line[-1] for line in told(file)] == expected


def log_what_may_be_of_a_proof() -> None:
    OURS.warning("judged one by one: %s", LeanRequestError(1, SECRET))
    OURS.warning("m: %s", GeneratorError(SECRET))
    OURS.warning("judged one by one: %s", LeanHookError("LLMStep does not compile."))
    THEIRS.warning('Unknown message "%s"', SECRET)
    THEIRS.error(f"Unable to deserialize message\n{SECRET}")
    try:
        int(SECRET)
    except ValueError:
        OURS.exception("it failed")


def test_nothing_of_a_proof_is_in_the_file(file: Path) -> None:
    start("info")
    log_what_may_be_of_a_proof()
    *lines, last = told(file)
    assert lines == [
        "WARNING llmstep_lsp.adapters.x: judged one by one: LeanRequestError (level debug says more)",
        "WARNING llmstep_lsp.adapters.x: m: GeneratorError (level debug says more)",
        "WARNING llmstep_lsp.adapters.x: judged one by one: LLMStep does not compile.",
        'WARNING pygls.protocol.json_rpc: Unknown message "%s"',
        "ERROR pygls.protocol.json_rpc: Unable to deserialize message",
    ]
    assert re.fullmatch(
        rf"ERROR llmstep_lsp.adapters.x: it failed / ValueError at {re.escape(__file__)}:\d+", last
    )
    assert SECRET not in file.read_text()


def test_debug_has_all_of_it(file: Path) -> None:
    stream = start("debug")
    log_what_may_be_of_a_proof()
    text = file.read_text()
    assert text.count(SECRET) == 5
    assert "Traceback (most recent call last):" in text
    assert "Traceback" not in stream.getvalue()


def test_a_large_file_is_put_aside(file: Path) -> None:
    file.parent.mkdir()
    file.write_text("x" * 5_000_001)
    start("info")
    OURS.info("new")
    assert told(file) == ["INFO llmstep_lsp.adapters.x: new"]
    assert file.with_name("llmstep-lsp.log.old").stat().st_size == 5_000_001


def test_another_one_is_added_to(file: Path) -> None:
    start("info")
    OURS.info("old")
    start("info")
    assert told(file)[0] == "INFO llmstep_lsp.adapters.x: old"
    assert [path.name for path in file.parent.iterdir()] == ["llmstep-lsp.log"]


def test_a_file_that_cannot_be_written_is_one_warning(file: Path) -> None:
    file.parent.write_text("")
    stream = start("info")
    OURS.info("goes on")
    assert stream.getvalue() == (
        f"WARNING llmstep_lsp.edge.logs: The log file {file} cannot be written (File exists).\n"
    )


def test_a_disk_that_gets_full_is_one_warning(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMSTEP_LOG_FILE", "/dev/full")
    stream = start("info")
    OURS.info("one")
    OURS.info("two")
    assert stream.getvalue() == (
        "WARNING llmstep_lsp.edge.logs: The log file /dev/full cannot be written any more; nothing is added to it.\n"
    )


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        (types.LSPErrorCodes.ContentModified, False),
        (types.LSPErrorCodes.RequestCancelled, False),
        (types.LSPErrorCodes.RequestFailed, False),
        (types.ErrorCodes.InvalidParams, False),
        (types.ErrorCodes.InternalError, True),
    ],
)
def test_answers_that_are_errors_on_purpose_are_no_news(code: int, shown: bool) -> None:  # noqa: FBT001
    error = JsonRpcException("The document changed.", code)
    try:
        raise error
    except JsonRpcException:
        raised = logging.LogRecord("pygls", logging.ERROR, "", 0, "for message %s", (1,), sys.exc_info())
    told_again = logging.LogRecord("pygls", logging.ERROR, "", 0, "%s", (error,), None)
    assert logs.is_news(raised) is shown
    assert logs.is_news(told_again) is shown


Sent = list[tuple[types.MessageType, str]]


async def test_the_editor_is_told_our_records_from_info_on() -> None:
    sent: Sent = []
    logs.log_to_stderr(StringIO())
    logs.log_to_editor(lambda kind, text: sent.append((kind, text)))
    OURS.debug("a candidate")
    OURS.info("starting %s", "lean")
    OURS.warning("slow")
    OURS.error("failed")
    THEIRS.error("not ours")
    assert sent == [
        (types.MessageType.Info, "starting lean"),
        (types.MessageType.Warning, "slow"),
        (types.MessageType.Error, "failed"),
    ]


async def test_other_threads_tell_it_in_the_thread_of_the_loop() -> None:
    threads: list[tuple[str, int]] = []
    logs.log_to_stderr(StringIO())
    logs.log_to_editor(lambda _, text: threads.append((text, threading.get_ident())))
    await asyncio.to_thread(OURS.info, "from afar")
    await asyncio.sleep(0)
    assert threads == [("from afar", threading.get_ident())]


async def test_what_sending_logs_is_not_sent() -> None:
    sent: list[str] = []

    def send(_: types.MessageType, text: str) -> None:
        sent.append(text)
        OURS.warning("sending %s", text)

    logs.log_to_stderr(StringIO())
    logs.log_to_editor(send)
    OURS.info("one")
    OURS.info("two")
    assert sent == ["one", "two"]


async def test_an_editor_that_has_gone_is_told_no_more() -> None:
    tries: list[str] = []

    def send(_: types.MessageType, text: str) -> None:
        tries.append(text)
        raise BrokenPipeError

    logs.log_to_stderr(StringIO())
    logs.log_to_editor(send)
    OURS.info("one")
    OURS.info("two")
    assert tries == ["one"]
