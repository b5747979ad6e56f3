"""The real app in a real terminal, fed with payloads in every text: a program, run by ``test_terminal_bytes``.

``argv``: a recorded log, how many payloads stand in one text, and the file that gets what was seen of them, by widget.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
from textual.pilot import Pilot
from textual.screen import Screen

from sale_tui.archive import Archive
from sale_tui.commands import Command
from sale_tui.events import (
    AgentLost,
    AgentReady,
    AnyEvent,
    ApprovalAnswered,
    ApprovalAsked,
    AwardProposed,
    BidFailed,
    CallRejected,
    ErrorRaised,
    Event,
    JurorFailed,
    LogStarted,
    Notice,
    RefinementSkipped,
    RunFinished,
    ToolCalled,
    decode,
    encode,
)
from sale_tui.session.replay import read_log
from sale_tui.session.wiring import TaskRequest
from sale_tui.tui.app import SaleApp
from sale_tui.tui.screens.approval import ApprovalScreen
from sale_tui.tui.screens.auction import AuctionScreen
from sale_tui.tui.screens.bid import BidScreen
from sale_tui.tui.screens.box import BoxScreen
from sale_tui.tui.screens.help import HelpScreen
from sale_tui.tui.screens.home import HomeScreen
from sale_tui.tui.screens.jury import JuryScreen
from sale_tui.tui.screens.run import RunScreen
from sale_tui.tui.screens.save import SaveScreen
from sale_tui.tui.source import pool_of
from sale_tui.tui.widgets.text import PlainText
from sale_tui.types import Source, Task
from tests.e2e.payloads import PAYLOADS, batches, marked, marks_in, poisoned


class PayloadSource:
    """Plays the log with one batch in all of its texts, stage by stage."""

    def __init__(self, log: list[AnyEvent]) -> None:
        self._log = log
        self.archive: Archive | None = None
        self.read_past = None
        self.text = ""
        self.gate = asyncio.Event()

    async def load(self) -> AsyncIterator[Event]:
        for event in self._log:
            if isinstance(event, AgentReady):
                yield self._poisoned(event)

    async def run(self, request: TaskRequest) -> AsyncIterator[Event]:
        first = next(event for event in self._log if isinstance(event, ToolCalled))
        agent = next(event.agent for event in self._log if isinstance(event, AgentReady))
        for event in self._log:
            if isinstance(event, RunFinished):
                await self._stage()
            yield self._poisoned(event)
            if isinstance(event, AwardProposed):
                yield self._poisoned(JurorFailed(juror=agent, round="first", reason="x"))
                yield self._poisoned(RefinementSkipped(agent=agent, reason="x"))
                yield self._poisoned(Notice(text="x"))
            if isinstance(event, AwardProposed):
                await self._stage()
                yield self._poisoned(BidFailed(agent=agent, round="first", reason="x"))
            if isinstance(event, ToolCalled) and event is first:
                yield self._poisoned(CallRejected(step=event.step, text="x", reason="x"))
                question = ApprovalAsked(
                    question=event.call, call="x", leaves="x", why=("x",), covers="x", detail="x", at=event.at
                )
                yield self._poisoned(question)
                await self._stage()
                answered = ApprovalAnswered(question=event.call, call="x", allowed=False, by="settings", rule="x")
                yield self._poisoned(answered)
            if isinstance(event, RunFinished):
                finished = msgspec.structs.replace(event, sources=(Source(document="d", title=self.text),))
                yield self._poisoned(finished)
        yield AgentLost(agent=agent, reason=self.text, hint=self.text)
        yield ErrorRaised(error="other", message=self.text, hint=self.text, exit_code=5)
        await self._stage()

    def send(self, command: Command) -> None:
        """Nothing that was recorded can be changed."""

    async def close(self) -> None:
        """Nothing is open."""

    async def _stage(self) -> None:
        await self.gate.wait()
        self.gate.clear()

    def _poisoned(self, event: Event) -> AnyEvent:
        return decode(json.dumps(poisoned(json.loads(encode(event)), self.text)))


class Tour:
    """Goes through every screen with every batch, and notes which widget showed which payload."""

    def __init__(self, source: PayloadSource, size: int) -> None:
        self._source = source
        self._size = size
        self._wanted = 0
        self._thoughts = False
        self.seen: dict[str, set[int]] = defaultdict(set)

    async def go(self, pilot: Pilot[Any]) -> None:
        app = pilot.app
        assert isinstance(app, SaleApp)
        while len(app.state.models) < 4:
            await pilot.pause(0.02)
        for text in batches(self._size):
            await self._task(app, pilot, text)
        await self._closing(app, pilot)
        app.exit()

    async def _task(self, app: SaleApp, pilot: Pilot[Any], text: str) -> None:
        self._source.text = text
        self._wanted = min(marks_in(text))
        app.start(TaskRequest(text=text))
        await self._until(app, pilot, lambda: app.state.deciding)
        await self._look(app, pilot, AuctionScreen)
        await pilot.press("v")
        await self._look(app, pilot, BidScreen)
        await pilot.press("escape", "j")
        await self._look(app, pilot, JuryScreen)
        await pilot.press("escape")
        self._source.gate.set()
        await self._until(app, pilot, lambda: isinstance(app.screen, ApprovalScreen))
        await self._look(app, pilot, ApprovalScreen)
        self._source.gate.set()
        await self._until(app, pilot, lambda: isinstance(app.screen, RunScreen))
        if not self._thoughts:
            self._thoughts = True
            await pilot.press("t")
        self._source.gate.set()
        await self._until(app, pilot, lambda: app.state.error is not None)
        await self._look(app, pilot, RunScreen)
        self._source.gate.set()
        await self._until(app, pilot, lambda: not app.state.busy)
        app.say(text)
        await pilot.press("n")
        await self._look(app, pilot, HomeScreen)

    async def _closing(self, app: SaleApp, pilot: Pilot[Any]) -> None:
        self._wanted = 0
        await pilot.press("f1")
        await self._look(app, pilot, HelpScreen)
        await pilot.press("escape", "f2")
        await self._look(app, pilot, BoxScreen)
        await pilot.press("escape")
        app.ask_to_save(Path("/") / "".join(map(marked, range(0, len(PAYLOADS), 9))).replace("/", ""))
        await self._look(app, pilot, SaveScreen)
        await pilot.press("escape")

    async def _until(self, app: SaleApp, pilot: Pilot[Any], condition: Callable[[], bool]) -> None:
        for _ in range(2000):
            if condition():
                return
            await pilot.pause(0.01)
        raise TimeoutError(f"the app did not get there: {app.state.error!r}"[:2000])

    async def _look(self, app: SaleApp, pilot: Pilot[Any], kind: type[Screen[Any]]) -> None:
        """Note what is seen; a screen that scrolled past this batch has shown others, and all are counted later."""
        for _ in range(150):
            await pilot.pause(0.02)
            if isinstance(app.screen, kind) and app.drawn and self._note(app.screen):
                # Widgets of one screen are written one after the other.
                await pilot.pause(0.02)
                self._note(app.screen)
                return

    def _note(self, screen: Screen[Any]) -> bool:
        fresh = False
        for widget in screen.query(PlainText):
            name = f"{type(screen).__name__}/{type(widget).__name__}#{widget.id or ''}"
            part = ".".join(sorted(name for name in widget.classes if not name.startswith("-")))
            marks = marks_in(widget.plain) if widget.display else set()
            self.seen[f"{name}{part}"] |= marks
            fresh = fresh or self._wanted in marks
        return fresh


def main() -> None:
    log, size, report = read_log(Path(sys.argv[1])), int(sys.argv[2]), Path(sys.argv[3])
    header = log[0]
    assert isinstance(header, LogStarted)
    source = PayloadSource(log)
    pool = pool_of(header)
    samples = tuple(Task(text=text, kind="coding") for text in batches(size)[:9])
    note = "\n".join(batches(size))
    pool = msgspec.structs.replace(pool, name=marked(0), samples=samples, note=note)
    source.text = batches(size)[0]

    async def opened() -> PayloadSource:
        return source

    tour = Tour(source, size)
    app = SaleApp(opened, pool, given=TaskRequest(text="", workspace=Path("/") / marked(1)))
    app.run(auto_pilot=tour.go)
    report.write_text(json.dumps({name: sorted(marks) for name, marks in tour.seen.items()}))
    sys.exit(app.return_code or 0)


if __name__ == "__main__":
    main()
