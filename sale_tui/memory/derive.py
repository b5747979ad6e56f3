"""From an event to its typed rows. Rows are a function of the log: writing a log again gives the same rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from sqlite_utils import Database

from sale_tui import events as e
from sale_tui.errors import Exit
from sale_tui.types import Usage

Row = dict[str, Any]


def as_json(value: object) -> str:
    """A value as the text of a JSON column."""
    return msgspec.json.encode(value).decode()


def derive(db: Database, event: e.Event) -> None:
    """Update the typed rows for one event; the auction's own row exists already. Call inside a transaction."""
    handler = _HANDLERS.get(type(event))
    if handler is not None:
        handler(db, event)


def _usage(usage: Usage) -> Row:
    return msgspec.structs.asdict(usage)


def _put(db: Database, table: str, row: Row) -> None:
    db.table(table).insert(row, replace=True)


def _update(db: Database, event: e.Event, row: Row) -> None:
    db.table("auctions").update(event.auction, row)


def _log_started(db: Database, event: e.LogStarted) -> None:
    _update(
        db,
        event,
        {
            "pool": event.pool,
            "version": event.version,
            "log_format": event.format,
            "weights": as_json(event.weights),
            "scales": as_json(event.scales),
            "thrift": event.thrift,
            "neighbours": event.neighbours,
            "prompt_hashes": as_json(event.prompt_hashes),
            "sandbox": event.sandbox,
            "started": event.at,
        },
    )
    for position, agent in enumerate(event.agents):
        _put(
            db,
            "agents",
            {
                "auction": event.auction,
                "agent": agent.name,
                "position": position,
                "price": agent.price,
                "price_estimated": int(agent.price_estimated),
                "model": agent.model,
                "sha256": agent.sha256,
                "bid_seed": agent.bid_seed,
                "lost": None,
            },
        )


def _task_received(db: Database, event: e.TaskReceived) -> None:
    _update(db, event, {"task": event.text, "requested_kind": event.requested_kind})


def _kind_chosen(db: Database, event: e.KindChosen) -> None:
    _update(db, event, {"kind": event.kind, "kind_by": event.by})


def _agent_ready(db: Database, event: e.AgentReady) -> None:
    # A model's hash may be known only once it has loaded, after the header was written; one that was lost may revive.
    db.execute(
        "UPDATE agents SET sha256 = ?, lost = NULL WHERE auction = ? AND agent = ?",
        (event.facts.sha256, event.auction, event.agent),
    )


def _agent_lost(db: Database, event: e.AgentLost) -> None:
    db.execute("UPDATE agents SET lost = ? WHERE auction = ? AND agent = ?", (event.reason, event.auction, event.agent))


def _bid_placed(db: Database, event: e.BidPlaced) -> None:
    _put(
        db,
        "bids",
        {
            "auction": event.auction,
            "agent": event.agent,
            "round": event.round,
            "plan": event.plan,
            "tokens": event.tokens,
            "entropy": event.entropy,
            "price": event.price,
            "recalled": as_json(event.recalled),
            **_usage(event.usage),
        },
    )


def _failed(db: Database, event: e.BidFailed | e.JurorFailed) -> None:
    agent, role = (event.juror, "juror") if isinstance(event, e.JurorFailed) else (event.agent, "bidder")
    row = {"auction": event.auction, "agent": agent, "round": event.round, "role": role, "reason": event.reason}
    _put(db, "failures", row)


def _mark_given(db: Database, event: e.MarkGiven) -> None:
    _put(
        db,
        "marks",
        {
            "auction": event.auction,
            "juror": event.juror,
            "agent": event.agent,
            "round": event.round,
            "mark": event.mark,
            "expected": event.expected,
            "mass": event.mass,
            "probabilities": as_json(event.probabilities),
            **_usage(event.usage),
        },
    )


def _scored(db: Database, event: e.BidsScored | e.AwardProposed) -> None:
    for card in event.scorecards:
        _put(
            db,
            "scorecards",
            {
                "auction": event.auction,
                "agent": card.agent,
                "round": card.round,
                "eligible": int(card.eligible),
                "cost": card.cost,
                "value": card.value,
                "total": card.total,
                "terms": as_json(card.terms),
                "imputed": as_json(card.imputed),
            },
        )


def _award_decided(db: Database, event: e.AwardDecided) -> None:
    _put(
        db,
        "awards",
        {
            "auction": event.auction,
            "agent": event.award.agent,
            "round": event.award.round,
            "by": event.award.by,
            "reason": event.award.reason,
            "plan": event.plan,
            "proposed_agent": event.proposed_agent,
            "overruled": int(event.award.by == "user" and event.award.agent != event.proposed_agent),
        },
    )


def _run_started(db: Database, event: e.RunStarted) -> None:
    row = {"auction": event.auction, "agent": event.agent, "status": "running", "workspace": event.workspace}
    _put(db, "runs", row)


def _run_finished(db: Database, event: e.RunFinished) -> None:
    row = {
        "status": event.status,
        "answer": event.answer,
        "reason": event.reason,
        "steps": event.steps,
        "sources": as_json(event.sources),
        "workspace": event.workspace,
        **_usage(event.usage),
    }
    db.table("runs").upsert({"auction": event.auction, **row}, pk="auction")


def _bill_made(db: Database, event: e.BillMade) -> None:
    _put(db, "bills", {"auction": event.auction, **msgspec.structs.asdict(event.bill)})


def _outcome_set(db: Database, event: e.OutcomeSet) -> None:
    _put(db, "outcomes", {"auction": event.auction, "outcome": event.outcome, "by": event.by, "at": event.at})


def _phase_started(db: Database, event: e.PhaseStarted) -> None:
    if event.phase != "done":
        return
    # Without a run the auction was all that was asked; without an award there was none.
    db.execute(
        "UPDATE auctions SET ended = ?, status = CASE WHEN error IS NOT NULL THEN status ELSE"
        " coalesce((SELECT status FROM runs WHERE auction = id), (SELECT 'awarded' FROM awards WHERE auction = id),"
        " 'failed') END WHERE id = ?",
        (event.at, event.auction),
    )


def _error_raised(db: Database, event: e.ErrorRaised) -> None:
    # A run that failed or met a limit has said so already; only what it does not say is taken from the error.
    run = db.execute("SELECT status FROM runs WHERE auction = ?", (event.auction,)).fetchone()
    told = run is not None and run[0] not in {"running", "answered"}
    status = run[0] if told else "interrupted" if event.exit_code == Exit.INTERRUPTED else "failed"
    _update(db, event, {"ended": event.at, "status": status, "error": event.error, "message": event.message})


_HANDLERS: dict[type[e.Event], Callable[[Database, Any], None]] = {
    e.LogStarted: _log_started,
    e.TaskReceived: _task_received,
    e.KindChosen: _kind_chosen,
    e.AgentReady: _agent_ready,
    e.AgentLost: _agent_lost,
    e.BidPlaced: _bid_placed,
    e.BidFailed: _failed,
    e.JurorFailed: _failed,
    e.MarkGiven: _mark_given,
    e.BidsScored: _scored,
    e.AwardProposed: _scored,
    e.AwardDecided: _award_decided,
    e.RunStarted: _run_started,
    e.RunFinished: _run_finished,
    e.BillMade: _bill_made,
    e.OutcomeSet: _outcome_set,
    e.PhaseStarted: _phase_started,
    e.ErrorRaised: _error_raised,
}
