"""What the proxy does at each message, with a Lean and a server of ours that do as they are told."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from llmstep_lsp.edge.proxy import proxy as proxy_module
from llmstep_lsp.edge.proxy.child import Child
from llmstep_lsp.edge.proxy.frames import Frame, Frames, frame_of
from llmstep_lsp.edge.proxy.ours import Ours
from llmstep_lsp.edge.proxy.proxy import Proxy
from llmstep_lsp.errors import LeanGoneError, LeanRequestError

URI, SCRATCH = "file:///A.lean", "file:///A.llmstep-scratch-1.lean"


class ScriptedLean(Child):
    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.raw: list[bytes] = []
        self.saying: asyncio.Queue[Frame | None] = asyncio.Queue()
        self.closed = False

    def send(self, raw: bytes) -> None:
        self.raw.append(raw)
        self.got += [frame.message() for frame in Frames().feed(raw)]

    async def frames(self) -> AsyncIterator[Frame]:
        while frame := await self.saying.get():
            yield frame

    @property
    def ending(self) -> str:
        return "Lean ended"

    async def end(self, grace: float) -> None:
        self.closed = True


class ScriptedOurs(Ours):
    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.reads = True

    @property
    def budget_seconds(self) -> float:
        return -0.9  # so that what is late is late soon

    def feed(self, message: dict[str, Any]) -> bool:
        self.got.append(message)
        return self.reads


class Course:
    """A session under way; what was said so far is forgotten by `clear`."""

    def __init__(self, shelf: Path) -> None:
        self.leans: list[ScriptedLean] = []
        self.said: list[bytes] = []
        self.ours = ScriptedOurs()
        self.proxy = Proxy(self._start, self.said.append, shelf)
        self.run = asyncio.create_task(self.proxy.run(self.ours))

    async def _start(self) -> Child:
        self.leans.append(ScriptedLean())
        return self.leans[-1]

    @property
    def lean(self) -> ScriptedLean:
        return self.leans[-1]

    def editor(self, **message: Any) -> bytes:
        frame = frame_of(message)
        self.proxy.from_editor(frame)
        return frame.raw

    async def lean_says(self, **message: Any) -> bytes:
        frame = frame_of(message)
        self.lean.saying.put_nowait(frame)
        await settle()
        return frame.raw

    def we_say(self, **message: Any) -> None:
        self.proxy.from_ours({"jsonrpc": "2.0", **message})

    async def die(self) -> None:
        self.lean.saying.put_nowait(None)
        await settle()

    @property
    def heard(self) -> list[dict[str, Any]]:
        return [frame.message() for raw in self.said for frame in Frames().feed(raw)]

    def clear(self) -> None:
        self.said.clear()
        self.ours.got.clear()
        self.lean.got.clear()
        self.lean.raw.clear()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110  # what is waited for says nothing
            await asyncio.sleep(0.01)


@pytest_asyncio.fixture
async def course(tmp_path: Path) -> AsyncGenerator[Course, None]:
    """A session that both Lean and we have been told the beginning of."""
    started = Course(tmp_path / "modules")
    await settle()
    started.editor(id=1, method="initialize", params={"capabilities": {}})
    await started.lean_says(id=1, result={"capabilities": {"hoverProvider": True}})
    started.we_say(id=1, result={"capabilities": {"inlineCompletionProvider": True}})
    assert started.heard[-1]["result"]["capabilities"] == {
        "hoverProvider": True,
        "inlineCompletionProvider": True,
    }
    started.editor(method="initialized", params={})
    item = {"uri": URI, "languageId": "lean4", "version": 1, "text": "a"}
    started.editor(method="textDocument/didOpen", params={"textDocument": item})
    started.clear()
    yield started
    if not started.run.done():
        started.editor(method="exit")
        assert await started.run in {0, 1}
        assert started.lean.closed


async def test_what_is_leans_passes_as_it_came(course: Course) -> None:
    asked = course.editor(method="$/lean/rpc/call", id="x", params={"a": 1.50})
    assert course.lean.raw == [asked]
    raw = Frame(b'Content-Length: 28\r\n\r\n{ "id":"x","result" : 1.50 }', b'{ "id":"x","result" : 1.50 }')
    course.lean.saying.put_nowait(raw)
    await settle()
    assert course.said == [raw.raw]
    told = await course.lean_says(method="textDocument/publishDiagnostics", params={"uri": URI})
    question = await course.lean_says(id=0, method="client/registerCapability", params={})
    assert course.said[1:] == [told, question]
    answer = course.editor(id=0, result=None)
    assert course.lean.raw == [asked, answer]
    assert course.ours.got == []


async def test_documents_reach_us_whole(course: Course) -> None:
    end = {"line": 0, "character": 1}
    change = {"range": {"start": end, "end": end}, "text": "b"}
    identifier = {"uri": URI, "version": 2}
    raw = course.editor(
        method="textDocument/didChange", params={"textDocument": identifier, "contentChanges": [change]}
    )
    assert course.lean.raw == [raw]
    (told,) = course.ours.got
    assert told["params"] == {"textDocument": identifier, "contentChanges": [{"text": "ab"}]}


async def test_code_actions_are_asked_of_both_and_progress_stays_apart(course: Course) -> None:
    params = {"range": 1, "workDoneToken": "t", "partialResultToken": "p"}
    raw = course.editor(id=2, method="textDocument/codeAction", params=params)
    assert course.lean.raw == [raw]
    assert [m["params"] for m in course.ours.got] == [{"range": 1}]
    course.we_say(id=2, result=[{"title": "llmstep: x"}])
    assert course.said == []
    await course.lean_says(id=2, result=[{"title": "Try this"}])
    assert [action["title"] for action in course.heard[0]["result"]] == ["Try this", "llmstep: x"]


@pytest.mark.parametrize("said", [{"result": []}, {"result": None}, {"error": {"code": 1, "message": "no"}}])
async def test_where_we_say_nothing_leans_answer_passes_as_it_came(course: Course, said: Any) -> None:
    course.editor(id=2, method="textDocument/codeAction", params={})
    raw = await course.lean_says(id=2, result=[{"title": "Try this"}])
    course.we_say(id=2, **said)
    assert course.said == [raw]


async def test_leans_answer_does_not_wait_for_ours_for_ever(course: Course) -> None:
    course.editor(id=2, method="textDocument/codeAction", params={})
    raw = await course.lean_says(id=2, result=[])
    assert course.said == []
    await until(lambda: course.said)
    assert course.said == [raw]
    assert course.ours.got[-1] == {"method": "$/cancelRequest", "params": {"id": 2}}
    course.we_say(id=2, result=[{"title": "llmstep: x"}])  # too late
    assert course.said == [raw]


async def test_leans_error_counts(course: Course) -> None:
    course.editor(id=2, method="textDocument/completion", params={})
    course.we_say(id=2, result=[{"label": "x"}])
    raw = await course.lean_says(id=2, error={"code": -32801, "message": "modified"})
    assert course.said == [raw]


async def test_what_we_cannot_read_costs_lean_nothing(course: Course) -> None:
    course.ours.reads = False
    course.editor(id=2, method="textDocument/codeAction", params={})
    raw = await course.lean_says(id=2, result=[])
    course.editor(id=3, method="textDocument/inlineCompletion", params={})
    assert course.said[0] == raw
    assert (course.heard[1]["id"], course.heard[1]["error"]["code"]) == (3, -32602)


async def test_cancelling_reaches_whoever_was_asked(course: Course) -> None:
    course.editor(id=2, method="textDocument/hover", params={})
    course.editor(id=3, method="textDocument/inlineCompletion", params={})
    course.editor(id=4, method="textDocument/codeAction", params={})
    course.clear()
    for number in (2, 3, 4):
        course.editor(method="$/cancelRequest", params={"id": number})
    assert [m["params"]["id"] for m in course.lean.got] == [2, 4]
    assert [m["params"]["id"] for m in course.ours.got] == [3, 4]


async def test_our_questions_to_the_editor_come_back_to_us(course: Course) -> None:
    course.we_say(id=0, method="window/workDoneProgress/create", params={"token": "ours"})
    await course.lean_says(id=0, method="client/registerCapability", params={})
    ours, lean = course.heard
    assert ours["id"] != lean["id"] == 0
    course.editor(id=ours["id"], result="for us")
    course.editor(id=0, result="for Lean")
    assert [m["result"] for m in course.lean.got] == ["for Lean"]
    assert [(m["id"], m["result"]) for m in course.ours.got] == [(0, "for us")]
    course.clear()
    for token in ("ours", "Lean's"):
        course.editor(method="window/workDoneProgress/cancel", params={"token": token})
    assert [m["params"]["token"] for m in course.ours.got] == ["ours"]
    assert [m["params"]["token"] for m in course.lean.got] == ["Lean's"]
    course.we_say(method="$/progress", params={"token": "ours", "value": {"kind": "end"}})
    course.clear()
    course.editor(method="window/workDoneProgress/cancel", params={"token": "ours"})
    assert course.ours.got == []


async def test_our_documents_in_lean_are_ours_alone(course: Course) -> None:
    heard: list[tuple[str, Any]] = []
    stop = course.proxy.lent.listen(SCRATCH, lambda *said: heard.append(said), lambda: None)
    about = {"textDocument": {"uri": SCRATCH}, "processing": []}
    await course.lean_says(method="$/lean/fileProgress", params=about)
    await course.lean_says(method="textDocument/publishDiagnostics", params={"uri": SCRATCH})
    assert [method for method, _ in heard] == ["$/lean/fileProgress", "textDocument/publishDiagnostics"]
    stop()
    await course.lean_says(method="textDocument/publishDiagnostics", params={"uri": SCRATCH})
    assert (len(heard), course.said) == (2, [])
    course.editor(id=2, method="textDocument/references", params={})
    await course.lean_says(id=2, result=[{"uri": SCRATCH}, {"uri": URI}])
    assert course.heard[-1]["result"] == [{"uri": URI}]
    raw = await course.lean_says(method="textDocument/publishDiagnostics", params={"uri": URI})
    assert course.said[-1] == raw


async def test_our_requests_to_lean(course: Course) -> None:
    assert await course.proxy.lent.ready()
    asked = [asyncio.create_task(course.proxy.lent.request("$/lean/plainGoal", {"n": n})) for n in range(3)]
    await settle()
    names = [m["id"] for m in course.lean.got]
    await course.lean_says(id=names[0], result="goals")
    await course.lean_says(id=names[1], error={"code": -32801, "message": "modified"})
    asked[2].cancel()
    await asyncio.wait(asked)
    assert asked[0].result() == "goals"
    error = asked[1].exception()
    assert isinstance(error, LeanRequestError)
    assert (error.code, str(error)) == (-32801, "modified")
    assert course.lean.got[-1] == {
        "jsonrpc": "2.0",
        "method": "$/cancelRequest",
        "params": {"id": names[2]},
    }
    await course.lean_says(id=names[2], error={"code": -32800, "message": "cancelled"})
    assert course.said == []


async def test_a_lean_that_ends_is_started_again_and_told_what_it_must_know(course: Course) -> None:
    ended: list[bool] = []
    course.proxy.lent.listen(SCRATCH, lambda *_: None, lambda: ended.append(True))
    ours = asyncio.create_task(course.proxy.lent.request("$/lean/plainGoal", {}))
    await course.lean_says(id=7, method="workspace/semanticTokens/refresh", params=None)
    course.editor(id=2, method="textDocument/hover", params={})
    course.editor(id=3, method="textDocument/codeAction", params={})
    await course.die()
    assert [(m.get("id"), m.get("error", {}).get("code"), m["params"]["type"] if "params" in m else 0)
            for m in course.heard[1:]] == [(None, None, 2), (2, -32803, 0), (3, -32803, 0)]  # fmt: skip
    assert course.heard[1]["params"]["message"].startswith("llmstep: Lean ended. It is started again")
    assert isinstance(ours.exception(), LeanGoneError)
    assert ended == [True]
    assert course.leans[0].closed

    course.editor(id=7, result="for the Lean that has ended")
    course.editor(id=4, method="textDocument/hover", params={})
    identifier = {"uri": URI, "version": 9}
    course.editor(
        method="textDocument/didChange",
        params={"textDocument": identifier, "contentChanges": [{"text": "b"}]},
    )
    with pytest.raises(LeanGoneError):
        course.proxy.lent.notify("textDocument/didOpen", {})
    ready = asyncio.create_task(course.proxy.lent.ready())
    await settle()
    assert [m["method"] for m in course.lean.got] == ["initialize"]
    assert not ready.done()
    course.said.clear()
    await course.lean_says(id=course.lean.got[0]["id"], result={"capabilities": {}})
    assert course.said == []
    assert await ready
    initialize, initialized, opened, hover = course.lean.got
    assert (initialize["params"], initialized["method"]) == ({"capabilities": {}}, "initialized")
    assert opened["params"] == {
        "textDocument": {"uri": URI, "languageId": "lean4", "version": 9, "text": "b"}
    }
    assert (hover["id"], hover["method"]) == (4, "textDocument/hover")
    raw = await course.lean_says(id=4, result=None)
    assert course.said == [raw]


async def test_a_lean_that_ends_thrice_is_given_up(course: Course) -> None:
    for _ in range(3):
        await course.die()
    with pytest.raises(LeanGoneError, match=r"Lean ended, 3 times within a minute\. It is not started again"):
        await course.run
    assert course.heard[-1]["params"]["type"] == 1
    assert len(course.leans) == 3


async def test_a_lean_that_ends_now_and_then_is_started_each_time(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy_module, "_WITHIN_SECONDS", 0.0)
    for _ in range(4):
        await course.die()
    assert len(course.leans) == 5
    assert not course.run.done()


async def test_a_lean_that_ends_before_its_first_answer_gets_the_question_again(tmp_path: Path) -> None:
    course = Course(tmp_path)
    raw = course.editor(id=1, method="initialize", params={"capabilities": {}})
    await settle()
    await course.die()
    assert (len(course.leans), course.lean.raw, course.said) == (2, [raw], [])
    await course.die()
    await course.die()
    assert [m.get("error", {}).get("code") for m in course.heard] == [-32803, None]
    assert isinstance(course.run.exception(), LeanGoneError)


async def test_the_end(course: Course) -> None:
    raw = course.editor(id=2, method="shutdown", params=None)
    assert course.lean.raw == [raw]
    assert [m["method"] for m in course.ours.got] == ["shutdown"]
    answer = await course.lean_says(id=2, result=None)
    course.editor(method="exit")
    assert await course.run == 0
    assert course.said == [answer]
    assert [m["method"] for m in course.lean.got] == ["shutdown", "exit"]
    assert course.lean.closed


async def test_a_lean_that_ends_when_it_is_shut_down_is_left_so(course: Course) -> None:
    course.editor(id=2, method="shutdown", params=None)
    await course.die()
    assert [(m["id"], m["result"]) for m in course.heard] == [(2, None)]
    assert len(course.leans) == 1


async def test_an_editor_that_is_gone(course: Course) -> None:
    course.proxy.end()
    assert await course.run == 1
    assert [m["method"] for m in course.lean.got] == ["shutdown", "exit"]
