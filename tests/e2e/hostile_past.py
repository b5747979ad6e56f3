"""The screens of the past in a real terminal, over a memory of payloads: a program, run by ``test_past_bytes``.

``argv``: a recorded log, and the file that gets what was seen of the payloads, by widget.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec
from textual.pilot import Pilot
from textual.screen import Screen

from sale_tui.events import AnyEvent, LogStarted, PhaseStarted, decode, encode
from sale_tui.memory.hashing import HashingEmbedder
from sale_tui.memory.service import MemoryService, open_memory
from sale_tui.session.replay import read_log
from sale_tui.tui.app import SaleApp
from sale_tui.tui.screens.export import ExportScreen
from sale_tui.tui.screens.forget import ForgetScreen
from sale_tui.tui.screens.ledger import LedgerScreen
from sale_tui.tui.screens.memory import MemoryScreen
from sale_tui.tui.screens.past import PastScreen
from sale_tui.tui.source import ReplaySource, pool_of
from sale_tui.tui.widgets.text import PlainText
from tests.e2e.payloads import batches, marks_in, poisoned


def fill(memory: MemoryService, log: list[AnyEvent]) -> None:
    """One auction of which every text holds every payload, names of agents included, and one a line of them."""
    name = json.dumps(" ".join(batches(3)) + " micro-xs", ensure_ascii=True)[1:-1]
    for number, text in enumerate([*batches(8)[:12], "\n".join(batches(1))]):
        seq = 0
        for event in log:
            changed = poisoned(json.loads(encode(event)), text) | {"auction": f"past{number:03}", "seq": seq}
            memory.write(decode(json.dumps(changed).replace("micro-xs", name)))
            seq += 1
        memory.write(PhaseStarted(phase="done", auction=f"past{number:03}", seq=seq, at=log[-1].at))


class Tour:
    """Goes through the screens of the past, and notes which widget showed which payload."""

    def __init__(self) -> None:
        self.seen: dict[str, set[int]] = {}

    async def go(self, pilot: Pilot[Any]) -> None:
        app = pilot.app
        assert isinstance(app, SaleApp)
        for keys, kind in (
            (("ctrl+o",), MemoryScreen),
            (("enter",), PastScreen),
            (("d",), ForgetScreen),
            (("escape", "e"), ExportScreen),
            (("escape", "escape", "slash", *"river", "enter"), MemoryScreen),
            (("y", "escape", "escape", "ctrl+l"), LedgerScreen),
        ):
            await pilot.press(*keys)
            await self._until(pilot, kind)
            for _ in range(100):
                await pilot.pause(0.1)
                # What it asks for a file shows no words of others.
                if self._note(app.screen) or kind is ExportScreen:
                    break
        app.exit()

    async def _until(self, pilot: Pilot[Any], kind: type[Screen[Any]]) -> None:
        for _ in range(3000):
            if isinstance(pilot.app.screen, kind):
                return
            await pilot.pause(0.02)
        raise TimeoutError("the app did not get there")

    def _note(self, screen: Screen[Any]) -> bool:
        found = False
        for widget in screen.query(PlainText):
            name = f"{type(screen).__name__}/{type(widget).__name__}#{widget.id or ''}"
            self.seen.setdefault(name, set()).update(marks_in(widget.plain))
            found = found or bool(marks_in(widget.plain))
        return found


def main() -> None:
    log, report = read_log(Path(sys.argv[1])), Path(sys.argv[2])
    header = log[0]
    assert isinstance(header, LogStarted)
    pool = msgspec.structs.replace(pool_of(header), name="micro")
    tour = Tour()
    with tempfile.TemporaryDirectory() as folder:
        memory = open_memory(Path(folder) / "memory.db", HashingEmbedder(), Path(folder))
        fill(memory, [event for event in log if not encode(event).startswith('{"event":"bid_delta"')])

        async def opened() -> ReplaySource:
            source = ReplaySource([])
            source.archive = memory.archive
            return source

        app = SaleApp(opened, pool)
        app.run(auto_pilot=tour.go)
        memory.close()
    report.write_text(json.dumps({name: sorted(marks) for name, marks in tour.seen.items()}))
    sys.exit(app.return_code or 0)


if __name__ == "__main__":
    main()
