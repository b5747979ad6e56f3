"""Contrastive pairs for a refinement: a losing and a winning plan of the nearest past tasks (paper.md 1.5).

The rules, in full:

- Nearest tasks first; equally near ones newest first. Tasks that give no pair are passed over, so that k̃ = min(k, |M|)
  counts the tasks that the refining agent can learn from.
- An auction counts once it has ended with an award. Its winner is the auction's own (paper.md section 5). Where a user
  took another agent's bid, that is the agent which was proposed, with its last plan; else the award with its plan.
- A failed winner is never shown: its run failed or met a limit, or the outcome is ``failed``. An unknown outcome is
  allowed. Run and outcome say something of the agent that ran, and nothing of a winner that a user passed over.
- At least one of the two plans is by the refining agent, which means: by the same model file's hash.
- If the refining agent lost, the losing plan is its own last one (the refined one, where it refined).
- If it won, the losing plan is that of its closest rival: the last plan of the other agent with the least total;
  plans without a total come last; ties go to the lower price, then the name.
- Two identical plans are no pair.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from sqlite_utils import Database

from sale_tui.types import ContrastPair, Outcome

FAILED_RUNS = frozenset({"failed", "limit", "running"})
"""Run states whose plan is no good example; a run without an end is none either."""


@dataclass(frozen=True, slots=True)
class PastPlan:
    """One plan of a past auction."""

    agent: str
    sha256: str
    price: float
    round: str
    text: str
    total: float | None


@dataclass(frozen=True, slots=True)
class PastAuction:
    """What recall needs to know of a past auction with an award."""

    id: str
    task: str
    plans: tuple[PastPlan, ...]
    winner: str
    """The auction's."""
    winner_sha256: str
    winning_plan: str
    executor: str
    """Who got the award in the end: the winner, unless a user overruled."""
    run: str | None
    """Status of the execution; None where there was none."""
    outcome: Outcome

    @property
    def failed(self) -> bool:
        """Whether the winner ran and did not solve its task."""
        return self.executor == self.winner and (self.run in FAILED_RUNS or self.outcome == "failed")


def pair_of(past: PastAuction, author: str, similarity: float) -> ContrastPair | None:
    """The pair that a past auction gives to the model file with the hash ``author``, if any."""
    if not author or past.failed:
        return None
    won = past.winner_sha256 == author
    losers = [
        plan
        for plan in _last_plans(past.plans)
        if plan.agent != past.winner
        and (won or plan.sha256 == author)
        and plan.text.strip() != past.winning_plan.strip()
    ]  # fmt: skip
    if not losers or not past.winning_plan.strip():
        return None
    losing = min(losers, key=_closeness)
    return ContrastPair(
        auction=past.id,
        task=past.task,
        similarity=similarity,
        losing_plan=losing.text,
        losing_agent=losing.agent,
        winning_plan=past.winning_plan,
        winning_agent=past.winner,
    )


def choose_pairs(ranked: Iterable[tuple[PastAuction, float]], author: str, k: int) -> list[ContrastPair]:
    """The first k pairs of auctions that come nearest first."""
    pairs: list[ContrastPair] = []
    for past, similarity in ranked:
        if len(pairs) >= k:
            break
        pair = pair_of(past, author, similarity)
        if pair is not None:
            pairs.append(pair)
    return pairs


def candidates(db: Database, author: str) -> set[str]:
    """Ids of auctions with an award in which this model file placed a bid and whose winner did not fail."""
    rows = db.execute(
        "SELECT DISTINCT agents.auction FROM agents JOIN awards ON awards.auction = agents.auction"
        " JOIN bids ON bids.auction = agents.auction AND bids.agent = agents.agent"
        " LEFT JOIN runs ON runs.auction = agents.auction LEFT JOIN outcomes ON outcomes.auction = agents.auction"
        " WHERE agents.sha256 = ? AND agents.sha256 != ''"
        " AND (awards.overruled OR (coalesce(runs.status, 'none') NOT IN ('failed', 'limit', 'running')"
        " AND coalesce(outcome, 'unknown') != 'failed'))",
        (author,),
    )
    return {row[0] for row in rows.fetchall()}


def load_past(db: Database, ids: Collection[str]) -> Iterator[PastAuction]:
    """Past auctions in the order of their ids; those without an award are left out."""
    for name in ids:
        row = db.execute(
            "SELECT task, awards.agent, plan, overruled, proposed_agent, runs.status, coalesce(outcome, 'unknown')"
            " FROM auctions JOIN awards ON awards.auction = id"
            " LEFT JOIN runs ON runs.auction = id LEFT JOIN outcomes ON outcomes.auction = id WHERE id = ?",
            (name,),
        ).fetchone()
        if row is None:
            continue
        task, executor, plan, overruled, proposed, run, outcome = row
        plans = _plans(db, name)
        winner = proposed if overruled else executor
        hashes = {past.agent: past.sha256 for past in plans}
        if overruled:
            plan = next((past.text for past in _last_plans(plans) if past.agent == winner), "")
        yield PastAuction(name, task or "", plans, winner, hashes.get(winner, ""), plan, executor, run, outcome)


def _plans(db: Database, name: str) -> tuple[PastPlan, ...]:
    rows = db.execute(
        "SELECT bids.agent, coalesce(sha256, ''), bids.price, bids.round, plan, total FROM bids"
        " LEFT JOIN agents ON agents.auction = bids.auction AND agents.agent = bids.agent"
        " LEFT JOIN scorecards s ON s.auction = bids.auction AND s.agent = bids.agent AND s.round = bids.round"
        " WHERE bids.auction = ?",
        (name,),
    )
    return tuple(PastPlan(*row) for row in rows.fetchall())


def _last_plans(plans: Iterable[PastPlan]) -> list[PastPlan]:
    last: dict[str, PastPlan] = {}
    for plan in plans:
        if plan.agent not in last or plan.round == "refined":
            last[plan.agent] = plan
    return list(last.values())


def _closeness(plan: PastPlan) -> tuple[bool, float, float, str]:
    return (plan.total is None, plan.total or 0.0, plan.price, plan.agent)
