"""Owns how a model server is asked over HTTP: again where that helps, and what its failures mean.

Failures are `GeneratorError`s for a person; none of them, nor the log, contains the key.
"""

import asyncio
import contextlib
import email.utils
import json
import random
import time
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import httpx

from llmstep_lsp.adapters.generators.keys import Key, find_key, how_to_give, is_loopback
from llmstep_lsp.errors import GeneratorError

# Seconds to open a connection in.
_CONNECT = 5.0
# A server that is overloaded or restarts is asked so often, with pauses of about so many seconds
# (half as much to half as much again, so that clients do not all come back together).
_PAUSES = (0.25, 0.75)
_PASSING = frozenset({429, 500, 502, 503, 504})
# The longest pause that a server may ask for, in seconds.
_LONGEST_PAUSE = 60.0
# How much of a server's own words a message quotes, in characters.
_QUOTED = 400


class RefusedError(GeneratorError):
    """The server answered with the HTTP `status`; `said` is what it said, for a person or a program."""

    def __init__(self, message: str, status: int, said: str) -> None:
        super().__init__(message)
        self.status = status
        self.said = said


class ModelServer:
    """The server at `url`, which is silent for at most `silence` seconds at a time.

    It is shown its key (`keys.find_key`) unless it is not `keyed`.  Times called `deadline`
    are those of the running event loop, in seconds; None: there is none.
    """

    def __init__(self, url: str, *, silence: float, keyed: bool = True) -> None:
        self._given = url
        self._silence = silence
        self._key: Key | None = None
        self._key_sought = not keyed
        self._client: httpx.AsyncClient | None = None
        self._connecting = asyncio.Lock()

    @property
    def url(self) -> str:
        """The URL as a person may see it: without what may be secret in it."""
        try:
            url = httpx.URL(self._given)
        except httpx.InvalidURL:
            return "the given URL"
        port = f":{url.port}" if url.port is not None else ""
        host = f"[{url.host}]" if ":" in url.host else url.host
        return f"{url.scheme}://{host}{port}{url.path}".rstrip("/")

    @property
    def root(self) -> str:
        """The URL without the version of the protocol that it ends in."""
        return self.url.removesuffix("/v1")

    async def json(
        self, method: str, url: str, body: Mapping[str, Any] | None = None, *, deadline: float | None = None
    ) -> Any:
        """The JSON that the server answers.

        Raises:
            RefusedError: it answers with an error.
            GeneratorError: it does not answer, or not with JSON.
        """
        async with self.ask(method, url, body, deadline=deadline) as response:
            return self.parsed(await response.aread())

    @contextlib.asynccontextmanager
    async def ask(
        self, method: str, url: str, body: Mapping[str, Any] | None = None, *, deadline: float | None = None
    ) -> AsyncGenerator[httpx.Response, None]:
        """The answer of the server, an error's excepted, its body still to be read; leaving closes it.

        Raises:
            RefusedError: it answers with an error, also when it is asked again.
            GeneratorError: it does not answer, or breaks off.
        """
        response = await self._answer(method, url, body, deadline)
        try:
            yield response
        except httpx.TimeoutException as error:
            raise self._silent() from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise self.broken_off() from error
        finally:
            await response.aclose()

    def parsed(self, text: bytes) -> Any:
        """The JSON that `text` is.

        Raises:
            GeneratorError: it is none.
        """
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self.strange(text.decode(errors="replace")) from error

    def strange(self, said: str) -> GeneratorError:
        """The server answered what is not of the protocol."""
        return GeneratorError(
            f"{self.url} answered what is not of its protocol ({self._quoted(said) or 'nothing'}): "
            "check that the URL is that of a model server."
        )

    def failed(self, said: bytes) -> GeneratorError:
        """The server said, instead of an answer, what went wrong."""
        quoted = self._quoted(said.decode(errors="replace"))
        return GeneratorError(f"{self.url} failed ({quoted}): look into its log, and ask again.")

    def broken_off(self) -> GeneratorError:
        """The server closed the connection in the middle of an answer."""
        return GeneratorError(
            f"{self.url} closed the connection in the middle of its answer: "
            "look into its log (its memory may have run out) and ask again."
        )

    async def aclose(self) -> None:
        """Close the connections; they open again at the next question."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _answer(
        self, method: str, url: str, body: Mapping[str, Any] | None, deadline: float | None
    ) -> httpx.Response:
        """The first answer that is no error."""
        client = await self._connected()
        content = None if body is None else json.dumps(body).encode()  # ASCII: any string of Python's
        headers = {} if body is None else {"Content-Type": "application/json"}
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key.value}"
        for pause in (*_PAUSES, None):
            wait = 0.0
            failure: GeneratorError
            try:
                request = client.build_request(method, url, content=content, headers=headers)
                response = await client.send(request, stream=True)
                if response.is_success:
                    return response
                failure, wait = await self._refusal(response), _retry_after(response)
            except httpx.TransportError as error:
                failure = self._unanswered(error)
                failure.__cause__ = error
                if isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout):
                    raise failure from error
            except RuntimeError as error:  # of httpx, for a client that was closed meanwhile
                raise GeneratorError(f"The question to {self.url} was given up: ask again.") from error
            if pause is None or (isinstance(failure, RefusedError) and failure.status not in _PASSING):
                raise failure
            wait = max(wait, pause * random.uniform(0.5, 1.5))  # noqa: S311  # no secret
            if wait > _LONGEST_PAUSE or (deadline is not None and _now() + wait >= deadline):
                raise failure
            await asyncio.sleep(wait)
        raise AssertionError  # the last pause is None

    async def _connected(self) -> httpx.AsyncClient:
        async with self._connecting:
            url = self._checked_url()
            if not self._key_sought:
                self._key = await asyncio.to_thread(find_key, url)
                self._key_sought = True
            if self._client is None:
                self._client = httpx.AsyncClient(
                    timeout=httpx.Timeout(self._silence, connect=_CONNECT),
                    trust_env=not is_loopback(url),  # a proxy would look for this machine's server on its own
                )
            return self._client

    def _checked_url(self) -> httpx.URL:
        try:
            url = httpx.URL(self._given)
        except httpx.InvalidURL as error:
            raise GeneratorError(f"The URL of the model server is none ({error}): correct it.") from error
        if url.scheme not in {"http", "https"} or not url.host:
            raise GeneratorError(
                f"{self.url} is no URL of a model server: write http://host:port/v1 or https://host/v1."
            )
        if url.userinfo or url.query or url.fragment:
            raise GeneratorError(
                f"The URL of the model server {self.url} has a password, a query or a fragment in it, which "
                f"logs would show: take it away, and give a key otherwise ({how_to_give(url)})."
            )
        return url

    async def _refusal(self, response: httpx.Response) -> RefusedError:
        """What the error `response` means; it is closed."""
        try:
            text = (await response.aread()).decode(errors="replace")
        finally:
            await response.aclose()
        said = self._quoted(text)
        status = response.status_code
        quoted = f"{status}: {said}" if said else f"status {status}"
        if status in {401, 403}:
            message = self._locked(quoted)
            self._key_sought = False  # the next question reads it anew
        elif status == httpx.codes.TOO_MANY_REQUESTS:
            message = f"{self.url} turns questions away for now ({quoted}): wait, or raise your limit there."
        elif response.is_server_error:
            message = f"{self.url} failed ({quoted}): look into its log, and ask again."
        elif response.is_redirect:
            message = f"{self.url} has moved ({quoted}): name its new URL."
        else:
            message = f"{self.url} turned the question down ({quoted})."
        return RefusedError(message, status, said)

    def _locked(self, quoted: str) -> str:
        url = httpx.URL(self._given)
        if self._key is None:
            return f"{self.url} wants a key ({quoted}): {how_to_give(url)}."
        return (
            f"{self.url} does not accept the key of {self._key.source} ({quoted}): "
            f"correct it there, or {how_to_give(url)}."
        )

    def _unanswered(self, error: httpx.TransportError) -> GeneratorError:
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            why = str(error) or "no connection in time"
            return GeneratorError(
                f"No server answers at {self.url} ({why}): start the model server, or correct the URL."
            )
        if isinstance(error, httpx.TimeoutException):
            return self._silent()
        return GeneratorError(
            f"{self.url} closed the connection without an answer ({error}): look into its log and ask again."
        )

    def _silent(self) -> GeneratorError:
        return GeneratorError(
            f"{self.url} said nothing for {self._silence:g} seconds: it hangs, or it is still loading "
            "its model; look into its log, restart it, or ask again later."
        )

    def _quoted(self, text: str) -> str:
        """What the server said, in one line and without the key."""
        with contextlib.suppress(ValueError, RecursionError):
            text = _words(json.loads(text))
        if self._key is not None:
            text = text.replace(self._key.value, "…")
        text = " ".join(text.split())
        return text if len(text) <= _QUOTED else text[:_QUOTED] + "…"


def _words(answer: Any) -> str:
    """The sentence, or else all, of an error in JSON."""
    match answer:
        case {"error": {"message": str(said)}} | {"error": str(said)} | {"message": str(said)}:
            return said
        case {"detail": str(said)}:
            return said
        case _:
            return json.dumps(answer, ensure_ascii=False)


def _retry_after(response: httpx.Response) -> float:
    """How many seconds the server asks to wait (RFC 9110, section 10.2.3); 0 if it does not."""
    value = response.headers.get("Retry-After", "")
    if value.isdecimal():
        return float(value)
    try:
        return email.utils.parsedate_to_datetime(value).timestamp() - time.time()
    except ValueError:
        return 0.0


def _now() -> float:
    return asyncio.get_running_loop().time()
