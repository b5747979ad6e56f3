"""SIGINT and SIGTERM of a command: at every moment of it they mean something, and what was begun is ended."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sale_tui.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM)

_current: ContextVar[Callable[[], None] | None] = ContextVar("current", default=None)


@contextmanager
def on_signals(handler: Callable[[], None]) -> Iterator[None]:
    """Within, both signals call ``handler``; afterwards what they did before. Nothing changes outside a main thread."""
    loop = asyncio.get_running_loop()
    outer, before = _current.get(), {number: signal.getsignal(number) for number in SIGNALS}
    handled = [number for number in SIGNALS if _handles(loop, number, handler)]
    _current.set(handler)
    try:
        yield
    finally:
        _current.set(outer)
        for number in handled:
            if outer is not None:
                loop.add_signal_handler(number, outer)
                continue
            loop.remove_signal_handler(number)
            signal.signal(number, before[number])


async def interruptible(work: Coroutine[Any, Any, int]) -> int:
    """What the work gives. A signal cancels it; raises Interrupted then, when it has ended what it had begun."""
    task = asyncio.current_task()
    asked = False

    def interrupt() -> None:
        nonlocal asked
        asked = True
        if task is not None:
            task.cancel()

    with on_signals(interrupt):
        try:
            return await work
        except asyncio.CancelledError:
            if not asked or task is None:
                raise
            while task.uncancel():
                pass
            raise Interrupted("interrupted", "start it again") from None


async def to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Do the work whole though the task that waits for it is cancelled; only another cancellation stops it, too."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


def _handles(loop: asyncio.AbstractEventLoop, number: int, handler: Callable[[], None]) -> bool:
    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
        loop.add_signal_handler(number, handler)
        return True
    return False
