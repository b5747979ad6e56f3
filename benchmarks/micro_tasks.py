"""Solve unseen tasks with the embedded pool, through the very code of the app: pass rates, wins, seconds.

    python benchmarks/micro_tasks.py --kind coding --steps 1 --count 100      # by the auction's own awards
    python benchmarks/micro_tasks.py --agent micro-l                          # one agent alone, whole file

Everything is real: llama.cpp workers, jury, memory (in a folder of its own, empty at first), sandbox.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.tasks import MICRO, GradedTask, is_right, read_tasks
from sale_tui import events as e
from sale_tui.paths import HOME_VARIABLE
from sale_tui.session.runner import Session
from sale_tui.session.wiring import TaskRequest
from sale_tui.settings import Settings


@dataclass(slots=True)
class Result:
    """What came of one task."""

    task: GradedTask
    agent: str = ""
    round: str = ""
    answer: str = ""
    passed: bool = False
    auction_seconds: float = 0.0
    """From the first bid's start to the award."""
    seconds: float = 0.0
    dollars: float = 0.0
    trouble: str = ""


async def solve(session: Session, task: GradedTask, pinned: str | None) -> Result:
    """One task to its end."""
    result, started, began = Result(task), time.perf_counter(), 0.0
    request = TaskRequest(text=task.text, kind=task.kind, pinned=pinned)
    async with aclosing(session.run(request)) as stream:
        async for event in stream:
            if isinstance(event, e.BidStarted) and not began:
                began = time.perf_counter()
            elif isinstance(event, e.AwardDecided):
                result.agent, result.round = event.award.agent, event.award.round
                result.auction_seconds = time.perf_counter() - began
            elif isinstance(event, e.RunFinished):
                result.answer = event.answer
            elif isinstance(event, e.BillMade):
                result.dollars = event.bill.auction_dollars + event.bill.run_dollars
            elif isinstance(event, e.ErrorRaised):
                result.trouble = event.message
    result.seconds = time.perf_counter() - started
    result.passed = not result.trouble and is_right(result.answer, task.answer)
    return result


def report(results: Sequence[Result]) -> dict[str, object]:
    """Pass rates by kind and steps, shares of the agents, medians of the times."""
    bins: dict[str, list[bool]] = defaultdict(list)
    for result in results:
        bins[f"{result.task.kind} {result.task.steps}"].append(result.passed)
    auctions = [result.auction_seconds for result in results if result.auction_seconds]
    return {
        "tasks": len(results),
        "passed": sum(result.passed for result in results),
        "by_bin": {name: f"{sum(passed)}/{len(passed)}" for name, passed in sorted(bins.items())},
        "wins": dict(Counter(result.agent for result in results).most_common()),
        "refined_wins": sum(result.round == "refined" for result in results),
        "auction_seconds_median": round(statistics.median(auctions), 3) if auctions else None,
        "auction_seconds_p95": round(sorted(auctions)[int(0.95 * (len(auctions) - 1))], 3) if auctions else None,
        "task_seconds_median": round(statistics.median(result.seconds for result in results), 3),
        "dollars_per_task": sum(result.dollars for result in results) / len(results),
        "errors": dict(Counter(result.trouble for result in results if result.trouble)),
    }


async def run_all(tasks: Sequence[GradedTask], pinned: str | None, pool: str, show: bool) -> list[Result]:
    """All tasks one after the other in one session, as one user would."""
    from sale_tui.bootstrap import open_session

    session = await open_session(Settings(pool=pool), countdown_seconds=0.0)
    try:
        async with aclosing(session.load()) as loading:
            _ = [event async for event in loading]
        await session.wiring.embedder.embed(["warm"])
        results = []
        for task in tasks:
            results.append(await solve(session, task, pinned))
            if show and not results[-1].passed:
                print(json.dumps({"wrong": results[-1].answer, "right": task.answer, "agent": results[-1].agent,
                                  "trouble": results[-1].trouble, "task": task.text}), flush=True)  # fmt: skip
        return results
    finally:
        await session.close()


def main() -> None:
    """Run by hand; prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", type=Path, default=MICRO / "tasks" / "test.jsonl")
    parser.add_argument("--kind", default="")
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--agent", help="pin one agent")
    parser.add_argument("--pool", default="micro")
    parser.add_argument("--show", action="store_true", help="print what was not solved")
    given = parser.parse_args()
    tasks = read_tasks(given.file, given.kind, given.steps, given.count)
    with tempfile.TemporaryDirectory() as home:
        os.environ[HOME_VARIABLE] = home
        results = asyncio.run(run_all(tasks, given.agent, given.pool, given.show))
    print(json.dumps(report(results), indent=1))


if __name__ == "__main__":
    main()
