"""Takes events from the source into the state; whatever goes wrong becomes one error of the state."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from sale_tui.archive import Archive
from sale_tui.commands import Command
from sale_tui.errors import Exit, SaleError
from sale_tui.events import ErrorRaised, Event, LogStarted
from sale_tui.tui.source import OpenSource, Source, StreamClock
from sale_tui.tui.state import AppState, apply, boxed, ended, failing, opening
from sale_tui.types import AuctionRecord, SandboxTier

if TYPE_CHECKING:
    from sale_tui.session.wiring import TaskRequest

SLICE = 0.01
"""Seconds of folding after which others have their turn: a burst of events must not hold up a key."""


class Feed:
    """Owns the state. ``changed`` is called after every change; it must be cheap."""

    def __init__(  # noqa: PLR0913, PLR0917 - wires what others have made
        self,
        open_source: OpenSource,
        state: AppState,
        clock: StreamClock,
        changed: Callable[[], None],
        tier: SandboxTier | None = None,
    ) -> None:
        """``state``: what is shown before anything has happened. ``tier``: the sandbox that is in force, for a replay:
        what its log says was another day's.
        """
        self.state = state
        self._tier = tier
        self._open_source = open_source
        self._clock = clock
        self._changed = changed
        self.auctions: list[str] = []
        """Ids of what was held here, the oldest first."""
        self._source: Source | None = None
        self._opening: asyncio.Task[Source] | None = None
        self._closed = False

    async def open(self) -> None:
        """Open the session and load its models. Raises nothing but cancellation."""
        try:
            source = await self._opened()
        except Exception as fault:  # noqa: BLE001 - an app that cannot open its session says why and stays
            self._set(failing(self.state, error_of(fault)))
            return
        self._say_sandbox(source)
        try:
            await self._take(source.load())
        except Exception as fault:  # noqa: BLE001 - the auction will say it again, in its own words
            self._set(failing(self.state, error_of(fault)))

    async def run(self, request: TaskRequest) -> None:
        """Run one task to its end. Raises nothing but cancellation."""
        self._set(opening(self.state, request.text))
        try:
            source = await self._opened()
            await self._take(source.run(request))
        except Exception as fault:  # noqa: BLE001 - one clear error, whatever it was
            self._set(failing(self.state, error_of(fault)))
        finally:
            self._set(ended(self.state))

    async def archive(self) -> Archive | None:
        """The auctions of the past, once the session is open. Raises SaleError where it cannot be opened."""
        return (await self._opened()).archive

    def see(self, event: Event) -> None:
        """Take in an event that is no part of a stream."""
        self._set(apply(self.state, event))

    def send(self, command: Command) -> None:
        """Pass a command on."""
        if self._source is not None:
            self._source.send(command)

    async def past(self, limit: int, without: str) -> Sequence[AuctionRecord]:
        """Records of past auctions. Raises SaleError where the memory cannot be read."""
        read = (await self._opened()).read_past
        return () if read is None else await asyncio.to_thread(read, limit, without)

    async def close(self) -> None:
        """End the session; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        if self._opening is not None and not self._opening.done():
            self._opening.cancel()
            await asyncio.wait({self._opening})
        if self._source is not None:
            await self._source.close()

    async def _opened(self) -> Source:
        """The source; opened once, tried again where it failed."""
        failed = self._opening is not None and self._opening.done() and self._source is None
        if self._opening is None or failed:
            self._opening = asyncio.create_task(self._open())
        # Shielded: a task that is given up must not take the opening session along.
        return await asyncio.shield(self._opening)

    async def _open(self) -> Source:
        self._source = await self._open_source()
        return self._source

    def _say_sandbox(self, source: Source) -> None:
        from sale_tui.session.runner import Session

        if not isinstance(source, Session):
            return
        sandbox = source.wiring.sandbox
        notices = (sandbox.advice,) if sandbox.advice and sandbox.tier != "full" else ()
        told = boxed(self.state, sandbox.tier, sandbox.limits, source.wiring.sandbox_seconds)
        self._set(replace(told, notices=(*told.notices, *notices)))

    async def _take(self, events: AsyncIterator[Event]) -> None:
        begun = time.monotonic()
        try:
            async for event in events:
                if event.at:
                    self._clock.see(event.at)
                if isinstance(event, LogStarted):
                    self.auctions.append(event.auction)
                self._set(apply(self.state, event))
                if time.monotonic() - begun > SLICE:
                    await asyncio.sleep(0)
                    begun = time.monotonic()
        finally:
            if isinstance(events, AsyncGenerator):
                await events.aclose()

    def _set(self, state: AppState) -> None:
        other = self._tier is not None and state.sandbox != self._tier
        self.state = replace(state, sandbox=self._tier) if other else state
        self._changed()


def error_of(fault: BaseException) -> ErrorRaised:
    """Any failure as the error that is shown."""
    if isinstance(fault, SaleError):
        return ErrorRaised(error=fault.kind, message=fault.message, hint=fault.hint, exit_code=int(fault.exit_code))
    message = f"{type(fault).__name__}: {fault}" if str(fault) else type(fault).__name__
    return ErrorRaised(error="internal", message=message, hint="see `sale-tui doctor`", exit_code=int(Exit.RUN_FAILED))
