"""Owns how a request is refused: in the shape that clients of its path know.

Paths under `/v1/` are OpenAI's, `/generate` and `/encode` are LeanCopilot's (whose own server is
made with FastAPI), and all others are LLMSTEP's.
"""

from typing import Any

from starlette.responses import JSONResponse, Response

_SERVER = 500
_LEANCOPILOT = ("/generate", "/encode")


class RefusedError(Exception):
    """A request that gets no answer, and why: an HTTP status and a message for a person.

    `param` names what is wrong in it, and `code` is OpenAI's word for that.
    """

    def __init__(
        self, status: int, message: str, *, param: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.param = param
        self.code = code


def refusal(path: str, error: RefusedError) -> Response:
    """The response to a request for `path`."""
    headers = {
        401: {"WWW-Authenticate": "Bearer"},
        503: {"Retry-After": "1"},  # seconds
    }.get(error.status)
    status, body = error.status, shape(path, error)
    # LLMSTEP's own server says 200 whatever it answers.  What it never had to say (that a token is
    # missing, that the model is loading, …) has a status of its own.
    if is_llmstep(path) and status in {400, 500}:
        status = 200
    return JSONResponse(body, status, headers)


def shape(path: str, error: RefusedError) -> dict[str, Any]:
    """What a client of `path` reads of `error`."""
    if path.startswith("/v1/"):
        kind = "invalid_request_error" if error.status < _SERVER else "server_error"
        return {"error": {"message": str(error), "type": kind, "param": error.param, "code": error.code}}
    return {"error" if is_llmstep(path) else "detail": str(error)}


def is_llmstep(path: str) -> bool:
    """Whether `path` is one of LLMSTEP's: its clients may be given any URL."""
    return not path.startswith("/v1/") and path not in _LEANCOPILOT
