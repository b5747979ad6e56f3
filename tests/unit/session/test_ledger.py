"""What a task cost: every computed token once, at the price of who computed it."""

from __future__ import annotations

import pytest

from sale_tui.events import BidFailed, BidPlaced, MarkGiven, RunFinished, RunStarted, StepFinished
from sale_tui.session.ledger import Ledger, computed_tokens
from sale_tui.types import Limits, Usage


def usage(prompt: int, cached: int, output: int) -> Usage:
    return Usage(prompt_tokens=prompt, cached_tokens=cached, output_tokens=output)


RUN_STARTED = RunStarted(
    agent="small", plan="p", tools=(), withheld=(), limits=Limits(), sandbox="none", workspace="/w"
)


def test_computed_tokens_are_what_was_not_cached() -> None:
    assert computed_tokens(usage(100, 60, 7)) == 47
    assert computed_tokens(usage(10, 20, 7)) == 7


def test_a_bill() -> None:
    ledger = Ledger({"small": 0.1, "large": 0.5})
    bid = BidPlaced(
        agent="small", round="first", plan="p", tokens=9, entropy=None, price=0.1, recalled=(), usage=usage(100, 0, 10)
    )
    ledger.apply(bid)
    ledger.apply(BidFailed(agent="large", round="first", reason="nonsense", usage=usage(100, 0, 20)))
    ledger.apply(
        MarkGiven(
            juror="large", agent="small", round="first", mark=3.0, expected=3.0, probabilities=(0, 0, 0, 1, 0, 0),
            mass=1.0, usage=usage(150, 100, 0),
        )
    )  # fmt: skip
    ledger.apply(RUN_STARTED)
    ledger.apply(StepFinished(step=1, text="", thinking="", usage=usage(120, 100, 30)))
    assert ledger.bill().run_tokens == 50
    ledger.apply(
        RunFinished(
            status="answered", answer="4", reason="", steps=1, sources=(), workspace="/w", usage=usage(120, 100, 31)
        )
    )
    bill = ledger.bill()
    assert bill.auction_tokens == 110 + 120 + 50
    assert bill.auction_dollars == pytest.approx((110 * 0.1 + 170 * 0.5) / 1e6, rel=1e-12)
    assert bill.run_tokens == 51
    assert bill.run_dollars == pytest.approx(51 * 0.1 / 1e6, rel=1e-12)
    assert bill.always_largest_dollars == pytest.approx(51 * 0.5 / 1e6, rel=1e-12)


def test_nothing_happened() -> None:
    bill = Ledger({"a": 1.0}).bill()
    assert (bill.auction_dollars, bill.run_dollars, bill.always_largest_dollars) == (0, 0, 0)
