"""Who may use the model server."""

import base64

import pytest
from starlette.datastructures import Headers

from llmstep_lsp.edge.http.access import check, is_loopback
from llmstep_lsp.edge.http.refusals import RefusedError

TOKEN = "0123456789abcdef"  # noqa: S105


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:6000", "LOCALHOST:6000", "127.0.0.1:6000", "127.1.2.3", "[::1]:6000", ""]
)
def test_programs_of_this_machine_need_no_token(host: str) -> None:
    check(Headers({"Host": host}), None)


@pytest.mark.parametrize(
    "host", ["evil.example:6000", "localhost.evil.example", "192.168.0.2", "[::1", "127.0.0.1.evil.example"]
)
def test_a_name_that_was_rebound_is_refused(host: str) -> None:
    with pytest.raises(RefusedError, match="only to names of its own machine") as refused:
        check(Headers({"Host": host}), None)
    assert refused.value.status == 403


@pytest.mark.parametrize("token", [None, TOKEN])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost:8080"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_pages_of_other_origins_are_refused(headers: dict[str, str], token: str | None) -> None:
    with pytest.raises(RefusedError, match="Pages of other origins") as refused:
        check(Headers({"Host": "localhost:6000", "Authorization": f"Bearer {TOKEN}", **headers}), token)
    assert refused.value.status == 403


def test_a_page_of_its_own_is_let_through() -> None:
    headers = {"Origin": "http://localhost:6000", "Sec-Fetch-Site": "same-origin", "Host": "localhost:6000"}
    check(Headers(headers), None)


@pytest.mark.parametrize(
    "authorization", [f"Bearer {TOKEN}", f"bearer  {TOKEN}", basic(f"user:{TOKEN}"), basic(f":{TOKEN}")]
)
def test_the_token_opens_from_anywhere(authorization: str) -> None:
    check(Headers({"Host": "somewhere.example", "Authorization": authorization}), TOKEN)


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        TOKEN,
        "Bearer",
        "Bearer x",
        f"Bearer {TOKEN}x",
        f"Digest {TOKEN}",
        basic(f"{TOKEN}:"),
        basic(TOKEN),
        "Basic %%%",
        "Bearer ü",
    ],
)
def test_nothing_else_does_even_on_this_machine(authorization: str) -> None:
    with pytest.raises(RefusedError, match="A token is needed") as refused:
        check(Headers({"Host": "localhost", "Authorization": authorization}), TOKEN)
    assert (refused.value.status, refused.value.code) == (401, "invalid_api_key")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104
        ("::", False),
        ("10.0.0.1", False),
        ("example.org", False),
    ],
)
def test_which_addresses_are_of_this_machine_alone(host: str, loopback: bool) -> None:  # noqa: FBT001
    assert is_loopback(host) is loopback
