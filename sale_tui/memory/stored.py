"""What the memory gives back: frozen values for the command line and the app."""

from __future__ import annotations

from typing import Literal

import msgspec

from sale_tui.events import AgentEntry, AnyEvent
from sale_tui.types import Bill, Kind, Outcome, Round, Scales, Scorecard, Source, Task, Usage, Weights

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
