"""Owns which key is shown to a model server, and to which servers none may be."""

import importlib
import ipaddress
import logging
import os
from dataclasses import dataclass, field

import httpx

from llmstep_lsp.errors import GeneratorError

_log = logging.getLogger(__name__)

VARIABLE = "LLMSTEP_API_KEY"
_OPENAI_VARIABLE = "OPENAI_API_KEY"
_OPENAI = "api.openai.com"  # and its regions, such as eu.api.openai.com
_SERVICE = "llmstep-lsp"  # of the keyring


@dataclass(frozen=True)
class Key:
    """A key, and for a person where it is from."""

    value: str = field(repr=False)
    source: str


def find_key(url: httpx.URL) -> Key | None:
    """The key for the server at `url`: of the environment, else of the system's keyring, else none.

    May wait for the person to unlock the keyring.

    Raises:
        GeneratorError: there is one, but it is none or would cross the network unencrypted.
    """
    key = _from_environment(url) or _from_keyring(url)
    if key is None:
        return None
    if not key.value.isascii() or not key.value.isprintable() or " " in key.value:
        raise GeneratorError(
            f"What {key.source} holds is no key (it has blanks, or characters other than ASCII): correct it."
        )
    if not is_private(str(url)):
        raise GeneratorError(
            f"The key of {key.source} is not sent to {url.host} over plain http, where others can read it: "
            f"use an https URL, a tunnel to localhost, or take the key away."
        )
    return key


def how_to_give(url: httpx.URL) -> str:
    """How a person gives the key for `url`."""
    return f"set {VARIABLE}, or run `keyring set {_SERVICE} {url.host}`"


def is_private(url: str) -> bool:
    """Whether nobody else can read what is sent to `url`; False if it is no URL."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return parsed.scheme == "https" or is_loopback(parsed)


def is_loopback(url: httpx.URL) -> bool:
    """Whether `url` is on this machine."""
    if url.host == "localhost" or url.host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(url.host).is_loopback
    except ValueError:
        return False


def _from_environment(url: httpx.URL) -> Key | None:
    names = [VARIABLE]
    if url.host == _OPENAI or url.host.endswith("." + _OPENAI):
        names.append(_OPENAI_VARIABLE)
    keys = ((name, os.environ.get(name, "").strip()) for name in names)
    return next((Key(value, name) for name, value in keys if value), None)


def _from_keyring(url: httpx.URL) -> Key | None:
    try:
        keyring = importlib.import_module("keyring")  # an extra
    except ImportError:
        return None
    try:
        value = keyring.get_password(_SERVICE, url.host)
    except Exception as error:  # noqa: BLE001  # each backend has its own; a server may need no key at all
        _log.info("the keyring cannot be read: %s", type(error).__name__)
        return None
    return Key(value.strip(), f"the keyring ({_SERVICE}, {url.host})") if value and value.strip() else None
