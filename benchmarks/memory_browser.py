"""How long past auctions and the ledger take to open over a memory of many auctions: milliseconds, median and worst.

python benchmarks/memory_browser.py [--auctions N] [--runs N] [--limit MILLISECONDS]

The memory holds the recorded auction N times under other ids, its log included. The clock runs from the key until the
newest auctions (or the sums) stand on the screen of the real app. ``--limit`` makes the exit code 1 above that median.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from textual.pilot import Pilot

from sale_tui.events import LogStarted, PhaseStarted
from sale_tui.memory.hashing import HashingEmbedder
from sale_tui.memory.service import MemoryService, open_memory
from sale_tui.memory.store import TABLES
from sale_tui.session.replay import read_log
from sale_tui.tui.app import SaleApp
from sale_tui.tui.screens.ledger import LedgerScreen
from sale_tui.tui.screens.memory import MemoryScreen
from sale_tui.tui.source import ReplaySource, pool_of
from sale_tui.tui.widgets.past_list import PastList
from sale_tui.tui.widgets.text import PlainText

LOG = Path(__file__).parents[1] / "tests" / "state" / "logs" / "coding.jsonl"
ONE = "many0000000000"


def fill(memory: MemoryService, auctions: int, tables: Sequence[str] = TABLES) -> None:
    """Write the recorded auction, then copy its rows under other ids, a minute apart, until there are so many."""
    for event in read_log(LOG):
        memory.write(msgspec.structs.replace(event, auction=ONE))
    last = memory.store.events(ONE)[-1]
    memory.write(PhaseStarted(phase="done", auction=ONE, seq=last.seq + 1, at=last.at))
    db = memory.store._db  # noqa: SLF001 - only a copy of rows makes thousands of auctions in seconds
    for table in tables:
        key = "id" if table == "auctions" else "auction"
        columns = [column.name for column in db[table].columns if (table, column.name) != ("vectors", "id")]
        changed = {key: "printf('many%010d', n)", "started": "started + 60 * n", "ended": "ended + 60 * n"}
        values = ", ".join(changed.get(name, f'"{name}"') for name in columns)
        names = ", ".join(f'"{name}"' for name in columns)
        db.execute(
            f"WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?) "  # noqa: S608
            f"INSERT INTO {table} ({names}) SELECT {values} FROM {table}, numbers WHERE {key} = ?",
            (auctions - 1, ONE),
        )
    db.conn.commit()


async def opened(pilot: Pilot[None], key: str, there: Callable[[], bool]) -> tuple[float, float]:
    """Seconds from a key until something is so: by the clock, and of computing."""
    begun, computed = time.perf_counter(), time.process_time()
    pilot.app.simulate_key(key)
    while not there():
        await pilot.pause(0.001)
    return time.perf_counter() - begun, time.process_time() - computed


async def measure(memory: MemoryService, runs: int) -> tuple[list[tuple[float, float]], ...]:
    """Of every opening of the list, and of the ledger, what ``opened`` says."""
    events = read_log(LOG)
    header = next(event for event in events if isinstance(event, LogStarted))

    async def source() -> ReplaySource:
        made = ReplaySource(events)
        made.archive = memory.archive
        return made

    app = SaleApp(source, pool_of(header))
    lists, ledgers = [], []
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()

        def listed() -> bool:
            return isinstance(app.screen, MemoryScreen) and bool(app.screen.query(PastList)) and (
                "micro" in app.screen.query_one(PastList).plain
            )  # fmt: skip

        def summed() -> bool:
            return isinstance(app.screen, LedgerScreen) and bool(app.screen.query("#books")) and (
                "all time" in app.screen.query_one("#books", PlainText).plain
            )  # fmt: skip

        for _ in range(runs):
            lists.append(await opened(pilot, "ctrl+o", listed))
            await pilot.press("escape")
            ledgers.append(await opened(pilot, "ctrl+l", summed))
            await pilot.press("escape")
    return lists, ledgers


def main() -> int:
    """Fill, measure, print, and judge where a limit is given."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--auctions", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--limit", type=float, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        memory = open_memory(Path(folder) / "memory.db", HashingEmbedder(), Path(folder))
        fill(memory, options.auctions)
        size = (Path(folder) / "memory.db").stat().st_size / 1e6
        print(f"{options.auctions} auctions, {size:.0f} MB")
        measured = asyncio.run(measure(memory, options.runs))
        memory.close()
    medians = []
    for name, times in zip(("past auctions", "ledger"), measured, strict=True):
        for what, seconds in zip(("by the clock", "of computing"), zip(*times, strict=True), strict=True):
            median, worst = 1000 * statistics.median(seconds), 1000 * max(seconds)
            print(f"{name:<14} {what}  median {median:.0f} ms, first {1000 * seconds[0]:.0f} ms, worst {worst:.0f} ms")
        medians.append(1000 * statistics.median(clock for clock, _ in times))
    return int(options.limit is not None and max(medians) > options.limit)


if __name__ == "__main__":
    sys.exit(main())
