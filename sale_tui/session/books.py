"""What many auctions came to, against always using the largest agent, and for each that is known to be solved."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from sale_tui.archive import Account
from sale_tui.types import Bill


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over some auctions that have a bill."""

    tasks: int = 0
    auction_tokens: int = 0
    run_tokens: int = 0
    seconds: float = 0.0
    """By the clock, each from its task to its end."""
    auction_dollars: float = 0.0
    run_dollars: float = 0.0
    largest_dollars: float = 0.0
    """Estimate (≈): the same runs at the price of the largest agent."""
    known: int = 0
    """Of how many it is known whether the answer was right."""
    solved: int = 0
    known_dollars: float = 0.0
    """What those cost of which it is known, solved or not."""
    known_tokens: int = 0
    known_seconds: float = 0.0
    known_largest_dollars: float = 0.0

    @property
    def dollars(self) -> float:
        """Auction and run together."""
        return self.auction_dollars + self.run_dollars

    @property
    def tokens(self) -> int:
        """Auction and run together."""
        return self.auction_tokens + self.run_tokens

    def bill(self) -> Bill:
        """The same as one bill."""
        return Bill(
            auction_dollars=self.auction_dollars,
            run_dollars=self.run_dollars,
            always_largest_dollars=self.largest_dollars,
            auction_tokens=self.auction_tokens,
            run_tokens=self.run_tokens,
        )


class AgentSums(msgspec.Struct, frozen=True, kw_only=True):
    """What one agent's awards came to."""

    agent: str
    wins: int
    share: float
    """Of all awards."""
    shares: tuple[float, ...]
    """The same over time: one number for each stretch of equally many awards, the oldest first."""
    dollars: float
    """Mean of a task that it was awarded, auction and run."""
    known: int
    solved: int

    @property
    def pass_rate(self) -> float | None:
        """Of those of which it is known; None where it is known of none."""
        return self.solved / self.known if self.known else None


def sums_of(accounts: Sequence[Account]) -> Sums:
    """The sums over those that have a bill."""
    billed = [(account, account.bill) for account in accounts if account.bill is not None]
    known = [(account, bill) for account, bill in billed if account.outcome != "unknown"]
    return Sums(
        tasks=len(billed),
        auction_tokens=sum(bill.auction_tokens for _, bill in billed),
        run_tokens=sum(bill.run_tokens for _, bill in billed),
        seconds=sum(account.seconds or 0.0 for account, _ in billed),
        auction_dollars=sum(bill.auction_dollars for _, bill in billed),
        run_dollars=sum(bill.run_dollars for _, bill in billed),
        largest_dollars=sum(bill.always_largest_dollars for _, bill in billed),
        known=len(known),
        solved=sum(account.outcome == "passed" for account, _ in known),
        known_dollars=sum(bill.auction_dollars + bill.run_dollars for _, bill in known),
        known_tokens=sum(bill.auction_tokens + bill.run_tokens for _, bill in known),
        known_seconds=sum(account.seconds or 0.0 for account, _ in known),
        known_largest_dollars=sum(bill.always_largest_dollars for _, bill in known),
    )


def agents_of(accounts: Sequence[Account], stretches: int) -> tuple[AgentSums, ...]:
    """Every agent that was awarded something, the most awards first, equal ones by name.

    ``stretches``: into how many stretches of time the awards are cut, at most; none is empty.
    """
    awarded = [account for account in accounts if account.agent is not None]
    cuts = _cuts(len(awarded), stretches)
    found = []
    for name in {account.agent for account in awarded if account.agent is not None}:
        own = [account for account in awarded if account.agent == name]
        sums = sums_of(own)
        shares = tuple(
            sum(account.agent == name for account in awarded[begin:end]) / (end - begin) for begin, end in cuts
        )
        found.append(
            AgentSums(
                agent=name,
                wins=len(own),
                share=len(own) / len(awarded),
                shares=shares,
                dollars=sums.dollars / sums.tasks if sums.tasks else 0.0,
                known=sums.known,
                solved=sums.solved,
            )
        )
    return tuple(sorted(found, key=lambda each: (-each.wins, each.agent)))


def _cuts(length: int, stretches: int) -> list[tuple[int, int]]:
    count = max(min(stretches, length), 1) if length else 0
    return [(length * place // count, length * (place + 1) // count) for place in range(count)]
