"""One task without the app: narration on stderr; the answer, or every event as JSON lines, on stdout."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import TextIO

from sale_tui.commands import Interrupt
from sale_tui.errors import Exit, Interrupted, SaleError
from sale_tui.events import ErrorRaised, Event, RunFinished, encode
from sale_tui.headless.formats import json_line, print_error
from sale_tui.headless.narration import Narrator
from sale_tui.headless.signals import on_signals
from sale_tui.literal import literal
from sale_tui.session.runner import Session
from sale_tui.session.wiring import TaskRequest


class Told(SaleError):
    """An error that an event told, with that event's kind and exit code."""

    def __init__(self, event: ErrorRaised) -> None:
        super().__init__(event.message, event.hint)
        self.kind = event.error
        self.exit_code = Exit(event.exit_code) if event.exit_code in list(Exit) else Exit.RUN_FAILED


async def run_task(session: Session, request: TaskRequest, out: TextIO, err: TextIO, *, jsonl: bool = False) -> int:
    """Run one task to its end; returns the exit code.

    With ``jsonl`` every event is a line on ``out`` and an error its last line; without, ``out`` holds the answer
    alone. SIGINT and SIGTERM interrupt. Raises BrokenPipeError where nobody reads ``out`` any more, having stopped all.
    """
    narrator = Narrator(err, tell_answer=jsonl)
    error: SaleError | None = None
    async with watched(session, request) as events:
        async for event in events:
            if jsonl:
                print(json_line(encode(event)), file=out, flush=True)
            if isinstance(event, ErrorRaised):
                error = Told(event)
                continue
            narrator.tell(event)
            # At once: what is still to be done, remembering, is not what the user waits for.
            if isinstance(event, RunFinished) and event.status == "answered" and not jsonl:
                print(literal(event.answer), file=out, flush=True)
    if error is not None:
        print_error(error, out if jsonl else err, jsonl)
        return int(error.exit_code)
    return int(Exit.ANSWERED)


@asynccontextmanager
async def watched(session: Session, request: TaskRequest) -> AsyncGenerator[AsyncIterator[Event], None]:
    """The events of a task that signals interrupt: the first one asks, another one stops hard."""
    me = asyncio.current_task()
    asked = 0

    def interrupt() -> None:
        nonlocal asked
        asked += 1
        session.send(Interrupt())
        if asked > 1 and me is not None:
            me.cancel()

    with on_signals(interrupt):
        try:
            async with aclosing(session.run(request)) as events:
                yield events
        except asyncio.CancelledError:
            if asked <= 1 or me is None:
                raise
            while me.uncancel():
                pass
            raise Interrupted("interrupted at once", "start it again") from None
