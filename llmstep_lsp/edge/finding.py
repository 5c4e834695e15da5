"""Owns what a check of `llmstep-lsp doctor` says, and how one is made, whatever happens in it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Literal

from llmstep_lsp.errors import LlmstepError

Level = Literal["good", "note", "bad"]
"""All is well; suggestions come, but not as they could; they do not come."""


@dataclass(frozen=True)
class Finding:
    """What was found, and what to do next; `todo` is empty where nothing is, or where `detail` says it."""

    level: Level
    detail: str
    todo: str = ""
    title: str = ""  # that of its check


def good(detail: str) -> Finding:
    """All is well."""
    return Finding("good", detail)


def note(detail: str, todo: str = "") -> Finding:
    """Something could be better."""
    return Finding("note", detail, todo)


def bad(detail: str, todo: str = "") -> Finding:
    """Something keeps suggestions from coming."""
    return Finding("bad", detail, todo)


@dataclass(frozen=True)
class Check:
    """Something to look at, for `seconds` at most; `ask` finds None where there is nothing to say."""

    title: str
    ask: Callable[[], Awaitable[Finding | None]]
    seconds: float

    async def finding(self) -> Finding | None:
        """What is found, also if the check itself fails."""
        try:
            async with asyncio.timeout(self.seconds):
                finding = await self.ask()
        except TimeoutError:
            finding = bad(
                f"There was no answer within {self.seconds:g} s.", "Ask again when the machine is less busy."
            )
        except LlmstepError as error:
            finding = bad(str(error))
        except Exception as error:  # noqa: BLE001  # the other checks still help
            finding = bad(
                f"This could not be checked ({type(error).__name__}: {error}).",
                "Report that with what this command prints.",
            )
        return finding and replace(finding, title=self.title)
