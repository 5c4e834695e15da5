"""Owns who may use the server.

With a token, whoever has it: `Authorization: Bearer TOKEN`, or Basic with the token as the
password, which is what the clients of LLMSTEP and LeanCopilot send for a URL with
`user:TOKEN@host`.  Without one, programs of this machine: the server is then bound to a
loopback address, and a `Host` header that names another one comes from a web page whose name
was rebound to it.  Requests that a page of another origin makes are refused in both cases.
"""

import base64
import secrets
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from llmstep_lsp.edge.http.refusals import RefusedError, refusal


class Gate:
    """Lets requests through that may use the server; `token` None: those for a loopback host."""

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI says."""
        app = self._app
        if scope["type"] == "http":
            try:
                check(Headers(scope=scope), self._token)
            except RefusedError as error:
                app = refusal(scope["path"], error)
        await app(scope, receive, send)


def check(headers: Mapping[str, str], token: str | None) -> None:
    """Let the request with these headers pass.

    Raises:
        RefusedError: it may not use the server.
    """
    host = headers.get("host", "")
    origin = headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc != host
    if foreign or headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        raise RefusedError(403, "Pages of other origins may not use this server.")
    if token is None:
        if host and not is_loopback(_name(host)):
            raise RefusedError(
                403,
                f"This server answers only to names of its own machine, not to {host}: start it with a token "
                "(LLMSTEP_SERVE_TOKEN or --token-file) to reach it by another.",
            )
    elif not secrets.compare_digest(_credentials(headers.get("authorization", "")), token.encode()):
        raise RefusedError(
            401,
            "A token is needed: send `Authorization: Bearer TOKEN`, or have `user:TOKEN@host` in the URL.",
            code="invalid_api_key",
        )


def is_loopback(host: str) -> bool:
    """Whether `host`, a name or an address, is of this machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _name(host: str) -> str:
    """The host in a `Host` header, without its port; empty if it is malformed."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _credentials(authorization: str) -> bytes:
    """What an `Authorization` header gives as the token; empty if there is none."""
    scheme, _, given = authorization.partition(" ")
    match scheme.lower():
        case "bearer":
            return given.strip().encode()
        case "basic":
            try:
                return base64.b64decode(given, validate=True).partition(b":")[2]
            except ValueError:
                return b""
    return b""
