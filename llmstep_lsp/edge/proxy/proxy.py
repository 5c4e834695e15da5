"""Owns the course of a session: what happens at each message of the editor, of Lean, and of ours."""

import asyncio
import itertools
import logging
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lsprotocol.types import ErrorCodes, LSPErrorCodes, MessageType

from llmstep_lsp.edge.proxy.child import Child
from llmstep_lsp.edge.proxy.documents import Documents
from llmstep_lsp.edge.proxy.frames import Frame, frame_of
from llmstep_lsp.edge.proxy.lending import ProxiedLean
from llmstep_lsp.edge.proxy.merging import (
    has_inline_completion,
    merged_actions,
    merged_initialize,
    merged_items,
    our_initialize,
    unmarked,
)
from llmstep_lsp.edge.proxy.ours import Ours
from llmstep_lsp.edge.proxy.routing import To, receiver
from llmstep_lsp.errors import LeanGoneError

_log = logging.getLogger(__name__)

_MERGES: dict[str, Callable[[Any, Any], Any]] = {
    "initialize": merged_initialize,
    "textDocument/codeAction": merged_actions,
    "textDocument/completion": merged_items,
    "textDocument/inlineCompletion": merged_items,
}
# How long Lean's answer waits for ours, in seconds.  Code actions have a time of their own.  An editor
# asks only once what a server can do, and a server's first start may compile all that it imports.
_PATIENCE = {"initialize": 30.0, "textDocument/completion": 0.3, "textDocument/inlineCompletion": 5.0}
_DEATHS = 3
_WITHIN_SECONDS = 60.0
# Lean's server gets this time to end when it is told to.
_GRACE_SECONDS = 2.0
# We answer within our budget; what comes later is not waited for.
_LATE_SECONDS = 1.0
# An editor that names these in its request expects each once.
_TOKENS = ("workDoneToken", "partialResultToken")

_REMINDED = "initialize, again"

_Id = int | str


@dataclass
class _Merge:
    """A request that Lean and we answer; each part is there once it has come."""

    method: str
    params: dict[str, Any]
    lean: Frame | None = None
    lean_result: Any = None
    ours: list[Any] = field(default_factory=list)  # empty until we answered
    timer: asyncio.TimerHandle | None = None


class Proxy:
    """One editor, Lean's server that `start` starts, again if it ends, and our server.

    `to_editor` takes whole messages; `shelf` is that of `lent`, the Lean that our server uses.
    """

    def __init__(
        self,
        start: Callable[[], Awaitable[Child]],
        to_editor: Callable[[bytes], None],
        shelf: Path,
    ) -> None:
        self._start = start
        self._to_editor = to_editor
        self.lent = ProxiedLean(shelf, lambda message: self._to_lean(frame_of(message)))
        self._ours: Ours | None = None
        self._child: Child | None = None
        self._documents = Documents()
        self._initialize: Frame | None = None
        self._initialized: Frame | None = None
        self._introduced = False  # Lean has answered `initialize`
        self._up = False  # Lean takes what comes; else it starts, or is told what it has forgotten
        self._waiting: list[Frame] = []
        self._asked_lean: dict[_Id, str] = {}
        self._asked_us: set[_Id] = set()
        self._merges: dict[_Id, _Merge] = {}
        self._our_questions: dict[_Id, _Id] = {}  # to the editor, by the id that it sees
        self._leans_questions: set[_Id] = set()
        self._orphans: Counter[_Id] = Counter()  # questions of a Lean that has ended
        self._our_tokens: set[_Id] = set()
        self._numbers = itertools.count(1)
        self._lean_completes_inline = False
        self._shut_down = False
        self._over: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def run(self, ours: Ours) -> int:
        """Serve until the editor ends the session or Lean ends too often; the exit code.

        Raises:
            LeanNotFoundError: Lean's server cannot be started.
        """
        self._ours = ours
        self._child = await self._start()
        self._remind_lean()
        lean = asyncio.create_task(self._keep_lean())
        await asyncio.wait({lean, self._over}, return_when=asyncio.FIRST_COMPLETED)
        try:
            return self._over.result() if self._over.done() else lean.result()
        finally:
            lean.cancel()
            await asyncio.gather(lean, return_exceptions=True)
            await self._child.end(_GRACE_SECONDS)

    def end(self, said: Frame | None = None) -> None:
        """The editor is gone, or wants us to go, and `said` so."""
        if self._over.done():
            return
        self._over.set_result(0 if self._shut_down else 1)
        if not self._shut_down:
            self._shut_us_down()
            self._to_lean(frame_of({"id": self._own_id(), "method": "shutdown"}))
        self._to_lean(said or frame_of({"method": "exit"}))

    # Lean's life

    async def _keep_lean(self) -> int:
        deaths: deque[float] = deque(maxlen=_DEATHS)
        while self._child:
            child = self._child
            async for frame in child.frames():
                self._from_lean(frame)
            await child.end(0.0)
            self._lose_lean(child.ending)
            if self._shut_down:
                return await asyncio.shield(self._over)
            deaths.append(time.monotonic())
            if len(deaths) == _DEATHS and deaths[-1] - deaths[0] < _WITHIN_SECONDS:
                break
            self._child = await self._start()
            self._remind_lean()
        reason = (
            f"{child.ending}, {_DEATHS} times within a minute. It is not started again; what it said is "
            "in the editor's log of language servers. When it is mended, restart the server."
        )
        for number in list(self._merges):
            if self._introduced:
                self._give_lean_alone(number)
            else:
                self._refuse(number, reason)
        self._show(MessageType.Error, reason)
        raise LeanGoneError(reason)

    def _lose_lean(self, ending: str) -> None:
        """Answer what Lean leaves unanswered."""
        if not self._shut_down:
            _log.warning("%s", ending)
            if self._introduced:
                self._show(MessageType.Warning, f"{ending}. It is started again, and reads the files again.")
        for number, method in self._asked_lean.items():
            if method == "shutdown":
                self._answer(number)
            elif method not in {"initialize", _REMINDED}:
                self._refuse(number, f"{ending} before it answered. It is started again; ask again.")
                if number in self._merges:
                    self._forget(number)
        self._asked_lean.clear()
        self._waiting.clear()
        self._orphans.update(self._leans_questions)
        self._leans_questions.clear()
        self._up = False
        self.lent.ended()

    def _remind_lean(self) -> None:
        """Tell a new Lean what the one before knew of the editor."""
        if self._initialize and self._introduced:
            params = self._initialize.message().get("params")
            asked = frame_of({"id": (number := self._own_id()), "method": "initialize", "params": params})
            self._asked_lean[number] = _REMINDED
            self._send(asked)
            return
        self._up = True
        self._waiting.clear()  # nothing counts before this
        if self._initialize:
            self._send(self._initialize)

    def _reminded(self) -> None:
        if self._initialized:
            self._send(self._initialized)
        for params in self._documents.reopened():
            self._send(frame_of({"method": "textDocument/didOpen", "params": params}))
        self._up = True
        waiting, self._waiting = self._waiting, []
        for frame in waiting:
            self._send(frame)
        self.lent.started()

    def _to_lean(self, frame: Frame) -> None:
        if self._up:
            self._send(frame)
        else:
            self._waiting.append(frame)

    def _send(self, frame: Frame) -> None:
        if self._child:
            self._child.send(frame.raw)

    # What the editor says

    def from_editor(self, frame: Frame) -> None:
        """Take a message of the editor."""
        try:
            message = frame.message()
        except ValueError as error:
            _log.warning("the editor sent something that is no message: %s", error)
            return
        if "method" not in message:
            self._answered_by_editor(message, frame)
        elif "id" in message:
            self._asked_by_editor(message["id"], message["method"], message, frame)
        else:
            self._notified_by_editor(message["method"], message, frame)

    def _answered_by_editor(self, message: dict[str, Any], frame: Frame) -> None:
        number: Any = message.get("id")
        if number in self._our_questions:
            self._feed({**message, "id": self._our_questions.pop(number)})
        elif self._orphans[number]:
            self._orphans[number] -= 1
        else:
            self._leans_questions.discard(number)
            self._to_lean(frame)

    def _asked_by_editor(self, number: _Id, method: str, message: dict[str, Any], frame: Frame) -> None:
        params: Any = message.get("params")
        if method == "initialize":
            self._initialize = frame
            self._merges[number] = _Merge(method, params)
            self._asked_lean[number] = method
            self._to_lean(frame)
            return
        if method == "shutdown":
            self._shut_us_down()
        to = receiver(method, params, lean_completes_inline=self._lean_completes_inline)
        if to in {To.LEAN, To.BOTH}:
            self._asked_lean[number] = method
            self._to_lean(frame)
        if to is To.BOTH:
            self._merges[number] = _Merge(method, params)
            own = {key: value for key, value in params.items() if key not in _TOKENS}
            if not self._feed({**message, "params": own}):
                self._answered_by_us(number, None)
        elif to is To.US:
            self._asked_us.add(number)
            if isinstance(params, dict) and "workDoneToken" in params:
                self._our_tokens.add(params["workDoneToken"])
            asked = unmarked(params) if method.endswith("/resolve") else params
            if not self._feed({**message, "params": asked}):
                self._asked_us.discard(number)
                self._answer(number, error=(ErrorCodes.InvalidParams, f"{method} cannot be handled."))

    def _notified_by_editor(self, method: str, message: dict[str, Any], frame: Frame) -> None:
        params = message.get("params") or {}
        if method == "exit":
            self.end(frame)
        elif method == "$/cancelRequest":
            number = params.get("id")
            if number in self._asked_us or number in self._merges:
                self._feed(message)
            if number not in self._asked_us:
                self._to_lean(frame)
        elif method == "window/workDoneProgress/cancel" and params.get("token") in self._our_tokens:
            self._feed(message)
        else:
            to = receiver(method, params, lean_completes_inline=self._lean_completes_inline)
            if method == "initialized":
                self._initialized = frame
            if to is not To.US and (self._up or not _is_remembered(method)):
                self._to_lean(frame)
            if to is not To.LEAN:
                self._feed_document(method, message)
            if method == "initialized" and self._up:
                self.lent.started()

    def _feed_document(self, method: str, message: dict[str, Any]) -> None:
        """Let us follow a notification, our copy of the documents first."""
        params: Any = message.get("params")
        try:
            if method == "textDocument/didOpen":
                self._documents.open(params)
            elif method == "textDocument/didChange":
                params = self._documents.change(params)
                if params is None:
                    return
            elif method == "textDocument/didClose":
                self._documents.close(params)
        except (KeyError, TypeError) as error:
            _log.warning("%s cannot be read: %r", method, error)
            return
        self._feed({**message, "params": params})

    # What Lean says

    def _from_lean(self, frame: Frame) -> None:
        try:
            message = frame.message()
        except ValueError as error:
            _log.warning("Lean's server sent something that is no message: %s", error)
            return
        number = message.get("id")
        if "method" in message:
            if number is not None:
                self._leans_questions.add(number)
            elif self.lent.heard(message):
                return
            self._to_editor(frame.raw)
        elif not self.lent.answered(message):
            self._answered_by_lean(number, message, frame)

    def _answered_by_lean(self, number: Any, message: dict[str, Any], frame: Frame) -> None:
        if self._asked_lean.pop(number, None) == _REMINDED:
            self._reminded()
            return
        merge = self._merges.get(number)
        if merge is None:
            self._to_editor(self.lent.hidden(frame).raw)
            return
        merge.lean, merge.lean_result = frame, message.get("result")
        if "error" in message:
            self._give_lean_alone(number)
            return
        if merge.method == "initialize":  # until now we could not know in which units Lean counts
            self._introduced = True
            self._lean_completes_inline = has_inline_completion(merge.lean_result)
            params = our_initialize(merge.params, merge.lean_result)
            if not self._feed({"id": number, "method": merge.method, "params": params}):
                self._answered_by_us(number, None)
        elif merge.ours:
            self._give_both(number)
        if number in self._merges:
            seconds = _PATIENCE.get(merge.method) or self._budget() + _LATE_SECONDS
            merge.timer = asyncio.get_running_loop().call_later(seconds, self._give_lean_alone, number)

    # What we say

    def from_ours(self, message: dict[str, Any]) -> None:
        """Take a message of our server."""
        number = message.get("id")
        if "method" not in message:
            if number in self._merges:
                self._answered_by_us(number, message.get("result"))
            elif number in self._asked_us:
                self._asked_us.discard(number)
                self._to_editor(frame_of(message).raw)
            return
        params = message.get("params") or {}
        if number is not None:
            name = self._own_id()
            self._our_questions[name] = number
            if message["method"] == "window/workDoneProgress/create":
                self._our_tokens.add(params["token"])
            message = {**message, "id": name}
        elif message["method"] == "$/progress" and params["value"].get("kind") == "end":
            self._our_tokens.discard(params["token"])
        self._to_editor(frame_of(message).raw)

    def _answered_by_us(self, number: _Id, result: Any) -> None:
        merge = self._merges[number]
        merge.ours = [result]
        if merge.lean:
            self._give_both(number)

    def _give_both(self, number: _Id) -> None:
        """Answer a request with what Lean and we said; Lean's as it came where we said nothing."""
        merge = self._forget(number)
        (ours,) = merge.ours
        merged = _MERGES[merge.method](merge.lean_result, ours) if ours else merge.lean_result
        if merged is not merge.lean_result:
            self._answer(number, result=merged)
        elif merge.lean:
            self._to_editor(merge.lean.raw)

    def _give_lean_alone(self, number: _Id) -> None:
        merge = self._forget(number)
        if merge.lean:
            self._to_editor(merge.lean.raw)

    def _forget(self, number: _Id) -> _Merge:
        """End a merge; if we have not answered, nobody wants to know any more."""
        merge = self._merges.pop(number)
        if merge.timer:
            merge.timer.cancel()
        if not merge.ours and merge.method != "initialize":
            self._feed({"method": "$/cancelRequest", "params": {"id": number}})
        return merge

    # Small things

    def _feed(self, message: dict[str, Any]) -> bool:
        return self._ours is not None and not self._shut_down and self._ours.feed(message)

    def _budget(self) -> float:
        return self._ours.budget_seconds if self._ours else 0.0

    def _shut_us_down(self) -> None:
        self._feed({"id": self._own_id(), "method": "shutdown", "params": None})
        self._shut_down = True

    def _own_id(self) -> str:
        return f"llmstep-proxy-{next(self._numbers)}"

    def _answer(
        self, number: _Id, *, result: Any = None, error: tuple[ErrorCodes | LSPErrorCodes, str] | None = None
    ) -> None:
        if error is None:
            self._to_editor(frame_of({"id": number, "result": result}).raw)
        else:
            code, text = error
            self._to_editor(frame_of({"id": number, "error": {"code": code.value, "message": text}}).raw)

    def _refuse(self, number: _Id, why: str) -> None:
        self._answer(number, error=(LSPErrorCodes.RequestFailed, why))

    def _show(self, kind: MessageType, text: str) -> None:
        shown = {"type": kind.value, "message": f"llmstep: {text}"}
        self._to_editor(frame_of({"method": "window/showMessage", "params": shown}).raw)


def _is_remembered(method: str) -> bool:
    """Whether a new Lean is told of this anyway."""
    return method.startswith("textDocument/did") or method == "initialized"
