"""Owns reading a request's body and the JSON in it; what is wrong is refused by name."""

import json
from typing import Any

from starlette.requests import Request

from llmstep_lsp.edge.http.refusals import RefusedError

# Bytes.  LLMSTEP sends the whole file above the cursor, every character beyond ASCII as `\uXXXX`.
_LARGEST = 8 * 2**20


async def read_object(request: Request) -> dict[str, Any]:
    """The JSON object that is the body of `request`.

    Raises:
        RefusedError: it is another thing, or too large.
        ClientDisconnect: the client went away before it was sent.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST:
            raise RefusedError(413, f"The body is larger than {_LARGEST} bytes: send less context.")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, f"The body is not JSON: {error}.") from error
    if not isinstance(found, dict):
        raise RefusedError(400, "The body must be a JSON object.")
    return found


def text(value: Any, name: str) -> str:
    """`value`, which must be text.

    Raises:
        RefusedError: it is not; `name` says which field it is of.
    """
    if not isinstance(value, str):
        raise RefusedError(400, f"`{name}` must be a string.", param=name)
    try:
        value.encode()
    except UnicodeEncodeError as error:  # JSON can say half a surrogate pair; no tokenizer takes it
        raise RefusedError(400, f"`{name}` is not Unicode text: {error.reason}.", param=name) from error
    return value
