"""Past auctions as front ends see them: frozen values, and the protocol of what holds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from sale_tui.events import AgentEntry, AnyEvent
from sale_tui.types import AuctionRecord, Bill, Kind, Outcome, Round, Scales, Scorecard, Source, Task, Usage, Weights

Decider = Literal["auction", "user"]
"""Who decided an award."""


class AuctionSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One line of ``memory list``."""

    id: str
    task: str
    """Empty where the log stopped before it."""
    kind: Kind | None
    pool: str | None
    started: float
    """Unix seconds."""
    ended: float | None
    status: str
    """``running``, ``awarded`` (an auction without a run), ``answered``, ``failed``, ``limit`` or ``interrupted``."""
    agent: str | None
    """Who was awarded."""
    by: Decider | None
    overruled: bool
    answer: str | None
    outcome: Outcome


class StoredBid(msgspec.Struct, frozen=True, kw_only=True):
    """One plan."""

    agent: str
    round: Round
    plan: str
    tokens: int
    entropy: float | None
    price: float
    sha256: str
    """Of the model file that wrote it."""
    recalled: tuple[str, ...]
    usage: Usage


class StoredMark(msgspec.Struct, frozen=True, kw_only=True):
    """One juror's mark of one plan."""

    juror: str
    agent: str
    round: Round
    mark: float | None
    expected: float
    mass: float
    probabilities: tuple[float, ...]
    usage: Usage


class StoredFailure(msgspec.Struct, frozen=True, kw_only=True):
    """A bidder or juror that dropped out of a round."""

    agent: str
    round: Round
    role: str
    reason: str


class StoredAward(msgspec.Struct, frozen=True, kw_only=True):
    """Who executes, and whose plan the auction had proposed."""

    agent: str
    round: Round
    by: Decider
    reason: str
    plan: str
    proposed_agent: str
    overruled: bool


class StoredRun(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the execution."""

    agent: str | None
    status: str
    """``running`` where the log has no end of it."""
    answer: str | None
    reason: str | None
    steps: int | None
    sources: tuple[Source, ...]
    workspace: str | None
    usage: Usage


class StoredAuction(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one auction."""

    summary: AuctionSummary
    task: Task | None
    """None where the log stopped before the kind was chosen."""
    requested_kind: str | None
    kind_by: str | None
    version: str | None
    sandbox: str | None
    weights: Weights | None
    scales: Scales | None
    error: str | None
    message: str | None
    agents: tuple[AgentEntry, ...]
    """In the order of the pool."""
    bids: tuple[StoredBid, ...]
    """First bids in the order of the pool, then refined ones."""
    marks: tuple[StoredMark, ...]
    failures: tuple[StoredFailure, ...]
    scorecards: tuple[Scorecard, ...]
    award: StoredAward | None
    run: StoredRun | None
    bill: Bill | None
    outcome: Outcome
    events: tuple[AnyEvent, ...]


class SearchHit(msgspec.Struct, frozen=True, kw_only=True):
    """One auction that a search found."""

    auction: AuctionSummary
    similarity: float | None
    """Cosine of the task and the query; None where it was found by its words."""


class SearchResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a search found, best first."""

    hits: tuple[SearchHit, ...]
    by: Literal["meaning", "words"]
    reason: str = ""
    """Why it was not by meaning."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which auctions are asked for; None: whatever it is."""

    kind: Kind | None = None
    agent: str | None = None
    """Who was awarded."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What one auction cost and what came of it: a line of the books."""

    id: str
    agent: str | None
    """Who was awarded."""
    outcome: Outcome
    seconds: float | None
    """By the clock, from the task to its end, the time for a decision included; None where the log has no end."""
    bill: Bill | None
    """None where nothing was awarded, or the log stopped before the bill."""


class Archive(Protocol):
    """The auctions of the past, for people. Any thread may call it; ``search`` belongs to the event loop.

    Ids may be shortened to a beginning that is unique. Every method raises SaleError where the memory cannot be read,
    ConfigurationFault for an unknown auction.
    """

    def page(self, wanted: Wanted, limit: int, before: str | None = None) -> list[AuctionSummary]:
        """The newest auctions first; ``before`` is the id where the last page ended. ``limit`` -1: all of them."""
        ...

    def count(self, wanted: Wanted) -> int:
        """How many there are."""
        ...

    def agents(self) -> list[str]:
        """Everybody who ever got an award, by name."""
        ...

    async def search(self, text: str, wanted: Wanted, limit: int) -> SearchResult:
        """The auctions whose task means nearly the same, nearest first; by words where no embedding can be had."""
        ...

    def get_auction(self, auction: str) -> StoredAuction:
        """Everything about one auction, its events included."""
        ...

    def past_records(self, limit: int, without: str = "") -> list[AuctionRecord]:
        """Records of the newest auctions that were judged and awarded, newest first, but for the one of that id."""
        ...

    def accounts(self) -> list[Account]:
        """One line an auction, the oldest first."""
        ...

    def set_outcome(self, auction: str, outcome: Outcome) -> None:
        """Keep whether the answer was right; ``unknown`` takes that back. Adds an OutcomeSet to the log.

        Raises ConfigurationFault where there is no answer, or the auction is still under way.
        """
        ...

    def forget(self, auctions: Sequence[str]) -> int:
        """Remove auctions with all that was kept of them, for good; how many there were.

        Raises ConfigurationFault where one is still under way; then all stay.
        """
        ...
