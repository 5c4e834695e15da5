"""Waiting for what comes about by itself."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

_Value = TypeVar("_Value")


async def until(condition: Callable[[], _Value], seconds: float = 60) -> _Value:
    """The first value of `condition` that counts as true."""
    async with asyncio.timeout(seconds):
        while not (value := condition()):  # noqa: ASYNC110  # nobody tells when
            await asyncio.sleep(0.02)
    return value


async def eventually(condition: Callable[[], Awaitable[_Value]], seconds: float = 60) -> _Value:
    """The first answer of `condition` that counts as true."""
    async with asyncio.timeout(seconds):
        while not (value := await condition()):  # noqa: ASYNC110  # as above
            await asyncio.sleep(0.05)
    return value
