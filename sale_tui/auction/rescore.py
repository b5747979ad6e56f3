"""Scores a record again with other weights; no model is called (design: auction record, rescore)."""

from __future__ import annotations

from typing import Any

import msgspec

from sale_tui.auction.award import Choice, choose_bids
from sale_tui.auction.explanation import explain
from sale_tui.auction.scoring import score_bids, with_thrift
from sale_tui.auction.validation import check_record
from sale_tui.types import AuctionRecord, Award, Bid, Scales, Scorecard, Weights


def rescore(
    record: AuctionRecord, weights: Weights | None = None, scales: Scales | None = None, thrift: float | None = None
) -> dict[str, Any]:
    """The record scored again, as a JSON value.

    ``weights`` and ``scales`` replace the record's, then ``thrift`` rescales the value weights to sum to 1 / thrift.
    Holds format, task, weights and scales (those scored), the bids with ``cost``, ``value``, ``total``, ``terms`` and
    ``imputed`` (numbers None where a bid has no mark), ``provisional`` (an agent's name), ``award`` and
    ``explanation``. Bids stay as they are: an agent that did not refine then stays unrefined.
    Raises ConfigurationFault naming the field, NoValidBid where no first bid is eligible.
    """
    used = record.weights if weights is None else weights
    replaced = msgspec.structs.replace(record, weights=used, scales=record.scales if scales is None else scales)
    check_record(replaced)
    if thrift is not None:
        replaced = msgspec.structs.replace(replaced, weights=with_thrift(used, thrift))
    cards = score_bids(replaced.bids, replaced.weights, replaced.scales)
    choice = choose_bids(replaced.bids, cards)
    return {
        "format": replaced.format,
        "task": msgspec.to_builtins(replaced.task),
        "weights": msgspec.to_builtins(replaced.weights),
        "scales": msgspec.to_builtins(replaced.scales),
        "bids": [_bid(bid, card) for bid, card in zip(replaced.bids, cards, strict=True)],
        "provisional": choice.provisional.agent,
        "award": msgspec.to_builtins(award_of(choice)),
        "explanation": msgspec.to_builtins(explain(replaced.bids, replaced.weights, replaced.scales)),
    }


def award_of(choice: Choice) -> Award:
    """The auction's own award, with its reason in words."""
    winner, runner_up = choice.winner, choice.runner_up
    if winner.round == "refined":
        reason = f"refined bid beats {choice.provisional.agent}'s provisional total {choice.provisional.total:.4f}"
    else:
        reason = "least total"
    reason = f"{reason}: {winner.total:.4f}"
    if runner_up is not None:
        reason += f", {runner_up.total - winner.total:.4f} ahead of {runner_up.agent}"
    return Award(agent=winner.agent, round=winner.round, by="auction", reason=reason)


def _bid(bid: Bid, card: Scorecard) -> dict[str, Any]:
    scored = msgspec.to_builtins(card)
    numbers = {name: scored[name] for name in ("cost", "value", "total", "terms", "imputed")}
    return {**msgspec.to_builtins(bid), **numbers}
