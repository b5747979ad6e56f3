"""Scales and thrift of a pool, from auctions on its development tasks (paper.md section 2).

Scales are the 95th percentiles of price times tokens and of entropy over all first bids. Thrift: among those at which
the cheapest agent wins 5 to 40% of the tasks, the one whose awards solve most; ties to the least cost. No memory takes
part: every auction is held in an empty one.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.micro_tasks import run_all
from benchmarks.tasks import MICRO, GradedTask, read_tasks
from sale_tui.auction.rescore import rescore
from sale_tui.paths import HOME_VARIABLE
from sale_tui.session.record import RecordFold
from sale_tui.session.wiring import TaskRequest
from sale_tui.settings import Settings
from sale_tui.types import AuctionRecord, Scales

THRIFTS = tuple(round(float(x), 3) for x in np.geomspace(0.05, 20, 61))
LEAST_SHARE, MOST_SHARE = 0.05, 0.40
"""Of wins of the cheapest agent."""


async def hold_auctions(tasks: Sequence[GradedTask]) -> list[AuctionRecord]:
    """The record of an auction for each task."""
    from sale_tui.bootstrap import open_session

    session = await open_session(Settings(), countdown_seconds=0.0)
    records = []
    try:
        for task in tasks:
            fold = RecordFold()
            async with aclosing(session.run(TaskRequest(text=task.text, kind=task.kind, execute=False))) as stream:
                async for event in stream:
                    fold.apply(event)
            records.append(first_round(fold.record()))
    finally:
        await session.close()
    return records


def first_round(record: AuctionRecord) -> AuctionRecord:
    """The record as if nobody had refined."""
    return msgspec.structs.replace(record, bids=tuple(bid for bid in record.bids if bid.round == "first"), award=None)


def scales_of(records: Sequence[AuctionRecord]) -> Scales:
    """95th percentiles of the raw features."""
    bids = [bid for record in records for bid in record.bids]
    cost = float(np.percentile([bid.price * bid.tokens for bid in bids], 95))
    entropy = float(np.percentile([bid.entropy for bid in bids if bid.entropy is not None], 95))
    return Scales(cost=round(cost, 4), entropy=round(entropy, 4))


def judge(
    records: Sequence[AuctionRecord], scales: Scales, thrift: float, passed: Mapping[str, Sequence[bool]], cheapest: str
) -> tuple[float, float, float]:
    """At a thrift: share of wins of the cheapest agent, share of tasks solved, mean price of the winner."""
    winners = [rescore(record, None, scales, thrift)["award"]["agent"] for record in records]
    prices = {bid.agent: bid.price for record in records for bid in record.bids}
    solved = [passed[winner][number] for number, winner in enumerate(winners)]
    share = sum(winner == cheapest for winner in winners) / len(winners)
    return share, sum(solved) / len(solved), float(np.mean([prices[winner] for winner in winners]))


def choose(rows: Sequence[tuple[float, float, float, float]]) -> float:
    """The thrift of the best row (thrift, share, solved, price). Raises ValueError where no share is in range."""
    fitting = [row for row in rows if LEAST_SHARE <= row[1] <= MOST_SHARE]
    if not fitting:
        raise ValueError(f"at no thrift does the cheapest agent win {LEAST_SHARE:.0%} to {MOST_SHARE:.0%}")
    return max(fitting, key=lambda row: (row[2], -row[3]))[0]


def write_rules(pool: Path, scales: Scales, thrift: float) -> None:
    """Set thrift and scales in the pool file, and nothing else. Raises ValueError where it has no such lines."""
    text = pool.read_text("utf-8")
    for name, value in (("thrift", thrift), ("cost", scales.cost), ("entropy", scales.entropy)):
        place = r"(?m)^thrift = .*$" if name == "thrift" else rf"(?ms)(^\[auction\.scales\]\n.*?)^{name} = [^\n]*$"
        text, count = re.subn(
            place, f"thrift = {value}" if name == "thrift" else rf"\g<1>{name} = {value}", text, count=1
        )
        if not count:
            raise ValueError(f"{pool} has no line for {name}")
    pool.write_text(text, encoding="utf-8")


def main() -> None:
    """Measure on the development split, print the table, and write the rules with ``--write``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=0, help="only so many tasks, evenly taken")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    tasks = read_tasks(MICRO / "tasks" / "dev.jsonl")
    if given.count:
        tasks = tasks[:: max(1, len(tasks) // given.count)]
    with tempfile.TemporaryDirectory() as home:
        os.environ[HOME_VARIABLE] = home
        records = asyncio.run(hold_auctions(tasks))
        agents = [bid.agent for bid in sorted(records[0].bids, key=lambda bid: bid.price)]
        passed = {
            agent: [result.passed for result in asyncio.run(run_all(tasks, agent, "micro", False))] for agent in agents
        }
    scales = scales_of(records)
    rows = [(thrift, *judge(records, scales, thrift, passed, agents[0])) for thrift in THRIFTS]
    for agent in agents:
        print(f"{agent} alone solves {sum(passed[agent])} of {len(tasks)}")
    print("thrift  cheapest wins  solved  mean price")
    for thrift, share, solved, price in rows:
        print(f"{thrift:6.3f}  {share:13.1%}  {solved:6.1%}  {price:.3f}")
    best = choose(rows)
    print(f"scales: cost {scales.cost}, entropy {scales.entropy}; thrift {best}")
    if given.write:
        write_rules(MICRO / "pool.toml", scales, best)


if __name__ == "__main__":
    main()
