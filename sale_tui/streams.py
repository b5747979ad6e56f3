"""From coroutines that emit events to one async iterator of them, with nothing left behind when it is closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from sale_tui.errors import SaleError
from sale_tui.events import Event

Emit = Callable[[Event], None]
"""Takes an event; never waits."""
Item = TypeVar("Item")


async def stream_of(produce: Callable[[Emit], Awaitable[None]]) -> AsyncGenerator[Event, None]:
    """Yields what ``produce`` emits, then raises what it raised.

    Closing the generator, or cancelling its consumer, cancels the producer and waits for its end.
    """
    queue: asyncio.Queue[Event | None] = asyncio.Queue()

    async def run() -> None:
        try:
            await produce(queue.put_nowait)
        finally:
            queue.put_nowait(None)

    task = asyncio.create_task(run())
    try:
        while (event := await queue.get()) is not None:
            yield event
        await task
    finally:
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # seen: asyncio need not warn of it


@asynccontextmanager
async def closing(stream: AsyncIterator[Item]) -> AsyncGenerator[AsyncIterator[Item], None]:
    """Closes an iterator that can be closed; a model then stops within one decode step."""
    try:
        yield stream
    finally:
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()


def in_words(fault: BaseException) -> str:
    """Why something failed, on one line, for a user."""
    if isinstance(fault, SaleError):
        return fault.message
    if isinstance(fault, TimeoutError):
        return str(fault) or "no answer in time"
    return f"{type(fault).__name__}: {fault}" if str(fault) else type(fault).__name__
