"""Where the app's events come from: a session, or a recorded log that is played again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from sale_tui.archive import Archive
from sale_tui.commands import Command, Interrupt, Pause
from sale_tui.events import AgentReady, AnyEvent, Event, LogStarted, TaskReceived
from sale_tui.types import AgentSpec, AuctionRecord, AuctionRules, Pool

if TYPE_CHECKING:
    from sale_tui.session.wiring import TaskRequest

ReadPast = Callable[[int, str], Sequence[AuctionRecord]]
"""Records of the newest past auctions that were judged and awarded: at most so many, but for the one of that id.

Takes its time, so it is called in a thread. Raises SaleError.
"""


class Source(Protocol):
    """What the app asks of a session; ``sale_tui.session.runner.Session`` is one."""

    @property
    def archive(self) -> Archive | None:
        """The auctions of the past; None where there is no memory."""
        ...

    @property
    def read_past(self) -> ReadPast | None:
        """Reads their records, to be scored again; None where there is no memory."""
        ...

    def load(self) -> AsyncIterator[Event]:
        """Load every model: AgentReady or AgentLost of each."""
        ...

    def run(self, request: TaskRequest) -> AsyncIterator[Event]:
        """The events of one task. Raises SaleError where it cannot be begun."""
        ...

    def send(self, command: Command) -> None:
        """Overrule, hold, interrupt."""
        ...

    async def close(self) -> None:
        """End every model; safe to call twice."""
        ...


OpenSource = Callable[[], Awaitable[Source]]
"""Opens a session; called after the first frame. Raises SaleError."""


class ReplaySource:
    """A recorded log as a source: every task that is run plays it from its beginning."""

    def __init__(
        self, events: Sequence[AnyEvent], speed: float = 1.0, stay: bool = False, past: ReadPast | None = None
    ) -> None:
        """``speed``: times as fast as it happened. ``stay``: the log's task never ends, for pictures of it.
        ``past``: reads the memory of this machine, beside which the log is shown.
        """
        self.archive: Archive | None = None
        self.read_past = past
        self._stay = stay
        self._events = tuple(events)
        self._speed = speed
        self._go_on = asyncio.Event()
        self._stopped = False

    async def load(self) -> AsyncIterator[Event]:
        """The models that the log says were ready."""
        for event in self._events:
            if isinstance(event, AgentReady):
                yield AgentReady(agent=event.agent, facts=event.facts)

    async def run(self, request: TaskRequest) -> AsyncIterator[Event]:  # noqa: ARG002 - the log holds its own task
        """The events of the log."""
        from sale_tui.session.replay import replay

        self._go_on.set()
        self._stopped = False
        async for event in replay(self._events, self._speed):
            await self._go_on.wait()
            if self._stopped:
                return
            yield event
        if self._stay:
            await asyncio.Event().wait()

    def send(self, command: Command) -> None:
        """What has happened cannot be changed: Pause holds the playing, Interrupt ends it."""
        if isinstance(command, Interrupt):
            self._stopped = True
            self._go_on.set()
        elif isinstance(command, Pause):
            (self._go_on.clear if command.held else self._go_on.set)()

    async def close(self) -> None:
        """Nothing is open."""


def task_of(events: Sequence[AnyEvent]) -> TaskRequest:
    """The request that a log answers."""
    from sale_tui.session.wiring import TaskRequest

    received = next((event for event in events if isinstance(event, TaskReceived)), None)
    if received is None:
        return TaskRequest(text="")
    return TaskRequest(text=received.text, kind=received.requested_kind)


def pool_of(header: LogStarted) -> Pool:
    """The pool that made a log, as far as its header tells."""
    agents = tuple(
        AgentSpec(name=entry.name, model=entry.model, price=entry.price, price_estimated=entry.price_estimated)
        for entry in header.agents
    )
    rules = AuctionRules(weights=header.weights, scales=header.scales, thrift=header.thrift)
    return Pool(name=header.pool, path="", agents=agents, rules=rules)


class StreamClock:
    """The present time on the clock of the events, so that a countdown of a replay runs as it did."""

    def __init__(self, monotonic: Callable[[], float], speed: float = 1.0) -> None:
        self._monotonic = monotonic
        self._speed = speed
        self._at = 0.0
        self._seen = 0.0

    def see(self, at: float) -> None:
        """An event of that time has just come."""
        self._at, self._seen = at, self._monotonic()

    def now(self) -> float:
        """Unix seconds, or 0 before the first event."""
        return self._at + (self._monotonic() - self._seen) * self._speed if self._at else 0.0
