"""Owns what stands between HTTP and the model: its loading, and how many ask it at a time."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager

from llmstep_lsp.domain.completion import Completion, Continuation, Model
from llmstep_lsp.domain.goals import parse_goal
from llmstep_lsp.domain.model import Candidate
from llmstep_lsp.edge.http.choices import choices
from llmstep_lsp.edge.http.peers_wire import Wanted
from llmstep_lsp.edge.http.refusals import RefusedError
from llmstep_lsp.edge.http.served import Served
from llmstep_lsp.errors import GeneratorError
from llmstep_lsp.ports import Question

# Completions that the model is asked for at a time, as many as a worker takes together; others wait.
_AT_ONCE = 16
# Requests that may be there at a time; each waits for at most a few batches then.
_REQUESTS = 64


class Desk:
    """Asks the model for whoever is admitted."""

    def __init__(self, served: Served, *, at_once: int = _AT_ONCE, requests: int = _REQUESTS) -> None:
        self.served = served
        self._places = asyncio.Semaphore(at_once)
        self._most = requests
        self._requests = 0
        self._loading: asyncio.Future[Model] | None = None
        self._closed = False

    def load(self) -> asyncio.Future[Model]:
        """Load the model, if that has not been started yet; what it will be, or a `GeneratorError`."""
        if self._loading is None:
            self._loading = asyncio.ensure_future(self.served.completer.ready())
        return self._loading

    def model(self) -> Model:
        """The model that is loaded.

        Raises:
            RefusedError: it is still loading, or cannot be had, or was ended.
        """
        if self._closed:
            raise RefusedError(503, "The server is ending: start it again.")
        if self._loading is None or not self._loading.done():
            raise RefusedError(503, f"The model {self.served.name} is still loading: ask again in a while.")
        try:
            return self._loading.result()
        except GeneratorError as error:
            raise RefusedError(500, str(error)) from error

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """One more request is there meanwhile.  If the model could not be loaded, that is tried again.

        Raises:
            RefusedError: there are too many, or there is no model.
        """
        try:
            self.model()
        except RefusedError:
            if self._loading is not None and self._loading.done() and not self._closed:
                self._loading = None
                self.load()
            raise
        if self._requests >= self._most:
            raise RefusedError(503, f"{self._requests} requests are waiting already: ask again in a while.")
        self._requests += 1
        try:
            yield
        finally:
            self._requests -= 1

    async def complete(
        self, completions: Sequence[Completion]
    ) -> AsyncGenerator[tuple[int, Continuation], None]:
        """The choices for all `completions` as they come, with the number of theirs.

        Raises:
            GeneratorError: the model stopped answering.
        """
        come: asyncio.Queue[tuple[int, Continuation] | None] = asyncio.Queue()

        async def ask(number: int, completion: Completion) -> None:
            async with aclosing(choices(self._continuations, completion)) as found:
                async for continuation in found:
                    come.put_nowait((number, continuation))

        tasks = [asyncio.create_task(ask(*one)) for one in enumerate(completions)]
        done = asyncio.gather(*tasks)
        done.add_done_callback(lambda _: come.put_nowait(None))
        try:
            while item := await come.get():
                yield item
            await done
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def suggest(self, wanted: Wanted) -> list[Candidate]:
        """The steps that the model proposes.

        Raises:
            GeneratorError: the model stopped answering.
        """
        goals = tuple(map(parse_goal, wanted.goals))
        question = Question(goals, wanted.prefix, wanted.context, self.served.samples)
        found = self.served.generator.candidates(question)
        async with self._places, aclosing(found):
            return [candidate async for candidate in found]

    async def _continuations(self, completion: Completion) -> AsyncGenerator[Continuation, None]:
        """What the completer says, when there is a place for it."""
        async with self._places, aclosing(self.served.completer.complete(completion)) as found:
            async for continuation in found:
                yield continuation

    async def aclose(self) -> None:
        """End the model; who waits for an answer gets an error."""
        self._closed = True
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.gather(self._loading, return_exceptions=True)
        await self.served.generator.aclose()
        await self.served.completer.aclose()
