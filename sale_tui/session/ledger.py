"""What a task cost, folded from its events.

The rule: **every token that was computed is paid once, at the price of the agent that computed it**. Computed are the
output tokens, thinking included, and those prompt tokens that were not taken from the cache
(``prompt_tokens - cached_tokens + output_tokens``). Summed over the steps of a run that is the length of its trace,
which the paper prices at $ per million tokens (paper.md section 6, cost 1); summed over bids, marks and refinements,
failed ones included, it is the auction's own share of cost 2. "Always the largest" is an estimate: the run's computed
tokens at the dearest agent's price.
"""

from __future__ import annotations

from collections.abc import Mapping

from sale_tui.events import BidFailed, BidPlaced, Event, MarkGiven, RunFinished, RunStarted, StepFinished
from sale_tui.types import Bill, Usage

MILLION = 1_000_000


def computed_tokens(usage: Usage) -> int:
    """Tokens that are paid for."""
    return max(usage.prompt_tokens - usage.cached_tokens, 0) + usage.output_tokens


class Ledger:
    """Feed every event to ``apply``; ``bill`` is what it came to so far."""

    def __init__(self, prices: Mapping[str, float]) -> None:
        """``prices``: $ per million tokens by agent, of the whole pool."""
        self._prices = prices
        self._auction: dict[str, int] = {}
        self._runner = ""
        self._steps = Usage()
        self._run: Usage | None = None

    @property
    def ran(self) -> bool:
        """Whether a run began."""
        return bool(self._runner)

    @property
    def run_usage(self) -> Usage:
        """Of the run: what its end said, or the sum of its steps so far."""
        return self._steps if self._run is None else self._run

    def apply(self, event: Event) -> None:
        """Take an event in."""
        match event:
            case BidPlaced() | BidFailed():
                self._spend(event.agent, event.usage)
            case MarkGiven():
                self._spend(event.juror, event.usage)
            case RunStarted():
                self._runner = event.agent
            case StepFinished():
                self._steps += event.usage
            case RunFinished():
                self._run = event.usage
            case _:
                pass

    def bill(self) -> Bill:
        """Dollars and tokens so far."""
        run_tokens = computed_tokens(self.run_usage)
        auction_dollars = sum(self._prices.get(agent, 0.0) * tokens for agent, tokens in self._auction.items())
        return Bill(
            auction_dollars=auction_dollars / MILLION,
            run_dollars=self._prices.get(self._runner, 0.0) * run_tokens / MILLION,
            always_largest_dollars=max(self._prices.values(), default=0.0) * run_tokens / MILLION,
            auction_tokens=sum(self._auction.values()),
            run_tokens=run_tokens,
        )

    def _spend(self, agent: str, usage: Usage) -> None:
        self._auction[agent] = self._auction.get(agent, 0) + computed_tokens(usage)
