"""How long it takes to turn a weight and score the last hundred auctions again, against holding them ready once.

Auctions are made up: four agents, three of which refined. No model and no memory is touched.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time

from sale_tui.auction.what_if import Held, Turns, hold_all, tally
from sale_tui.types import AuctionRecord, Bid, Round, Scales, Task, Weights

PRICES = {"xs": 0.05, "s": 0.09, "m": 0.16, "l": 0.36}


def made_up(seed: int) -> AuctionRecord:
    """An auction with seven bids and 28 marks."""
    draw = random.Random(seed)
    rounds: list[tuple[str, Round]] = [(agent, "first") for agent in PRICES]
    rounds += [(agent, "refined") for agent in ("xs", "s", "m")]
    bids = tuple(
        Bid(
            agent=agent,
            price=PRICES[agent],
            round=round_,
            plan="a plan",
            tokens=draw.randint(10, 120),
            entropy=draw.uniform(0.2, 1.2),
            marks={juror: draw.uniform(0.0, 5.0) for juror in PRICES},
        )
        for agent, round_ in rounds
    )
    weights = Weights(cost=1.0, entropy=0.2, jury=dict.fromkeys(PRICES, 0.2))
    return AuctionRecord(
        format=1,
        task=Task(text="a task", kind="coding"),
        weights=weights,
        scales=Scales(cost=60.0, entropy=0.6),
        bids=bids,
    )


def milliseconds(auctions: tuple[Held, ...], turns: Turns) -> float:
    """Of one turn."""
    begun = time.perf_counter()
    tally(auctions, turns)
    return 1000 * (time.perf_counter() - begun)


def main() -> None:
    """Print both, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--auctions", type=int, default=100)
    parser.add_argument("--turns", type=int, default=200)
    options = parser.parse_args()
    records = [made_up(seed) for seed in range(options.auctions)]
    begun = time.perf_counter()
    auctions = hold_all(records)
    ready = 1000 * (time.perf_counter() - begun)
    turned = [Turns(thrift=0.5 + turn / 100, jury={"xs": turn / 500}) for turn in range(options.turns)]
    times = [milliseconds(auctions, turns) for turns in turned]
    median, worst = statistics.median(times), max(times)
    print(f"held ready once: {ready:.1f} ms for {len(auctions)} auctions")
    print(f"one turn: median {median:.2f} ms, worst {worst:.2f} ms of {len(times)}; ratio {median / ready:.2f}")


if __name__ == "__main__":
    main()
