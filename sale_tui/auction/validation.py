"""Reads auction records and weights strictly: whatever is wrong is named by its field.

JSON is parsed by Python's own parser, because it takes ``NaN`` and ``Infinity``, which must be told by field too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from sale_tui.errors import ConfigurationFault
from sale_tui.types import AuctionRecord, Bid, Scales, Value, Weights

FORMAT = 1
"""Of the auction record."""
HIGHEST_MARK = 5.0
LARGEST = 1e30
"""No number of a record may be larger, no scale below its inverse: products and sums then stay finite."""
SCORED = ("provisional", "explanation")
SCORED_BID = ("cost", "value", "total", "terms", "imputed")
"""What ``rescore`` adds to a record and its bids; it is scored anew, so that what was printed reads as a record."""

Read = TypeVar("Read", bound=msgspec.Struct)


class Reweighing(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``--weights FILE`` holds; replaces a record's own."""

    weights: Weights
    scales: Scales


def parse_json(text: str | bytes, source: str) -> Any:
    """Any JSON value, NaN and infinities included. Raises ConfigurationFault naming ``source`` and the line."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as fault:
        message = f"{source} is not JSON: line {fault.lineno}, column {fault.colno}: {fault.msg}"
        raise ConfigurationFault(message, "give an auction record or an event log of sale-tui") from fault
    except (UnicodeDecodeError, RecursionError, ValueError) as fault:
        raise ConfigurationFault(f"{source} is not JSON: {fault}", "is it a file of sale-tui?") from fault


def read_record(value: Any) -> AuctionRecord:
    """An auction record from parsed JSON, checked. Raises ConfigurationFault naming the field."""
    if not isinstance(value, Mapping):
        raise ConfigurationFault("the record is not a JSON object", "see `sale-tui bid --json` for one")
    if value.get("format") != FORMAT or isinstance(value.get("format"), bool):
        raise ConfigurationFault(
            f"format: {value.get('format')!r} is not a record format that is known", f"this sale-tui reads {FORMAT}"
        )
    raw = value.get("bids")
    if not isinstance(raw, list | tuple):
        raise ConfigurationFault("bids: a list of bids is missing", "see `sale-tui bid --json` for a record")
    value, raw = _without(value, SCORED), [_without(bid, SCORED_BID) for bid in raw]
    for number, bid in enumerate(raw):
        _check_numbers(bid, "marks", f"bids[{number}].marks")
    _check_numbers(value.get("weights"), "jury", "weights.jury")
    bids = tuple(_convert(bid, Bid, f"bids[{number}]") for number, bid in enumerate(raw))
    record = _convert({**value, "bids": []}, AuctionRecord, "")
    record = msgspec.structs.replace(record, bids=bids)
    check_record(record)
    return record


def read_weights(value: Any) -> Reweighing:
    """Weights and scales from parsed JSON, checked. Raises ConfigurationFault naming the field."""
    _check_numbers(value.get("weights") if isinstance(value, Mapping) else None, "jury", "weights.jury")
    read = _convert(value, Reweighing, "")
    check_weights(read.weights, read.scales)
    return read


def check_record(record: AuctionRecord) -> None:
    """Everything that types alone do not say. Raises ConfigurationFault naming the field."""
    if record.format != FORMAT:
        raise ConfigurationFault(f"format: {record.format} is not a record format that is known", f"use {FORMAT}")
    check_weights(record.weights, record.scales)
    seen: set[tuple[str, str]] = set()
    for number, bid in enumerate(record.bids):
        _check_bid(bid, f"bids[{number}]", record.weights)
        if (bid.agent, bid.round) in seen:
            raise ConfigurationFault(
                f"bids[{number}]: {bid.agent} has more than one {bid.round} bid", "an agent bids once a round"
            )
        seen.add((bid.agent, bid.round))


def check_weights(weights: Weights, scales: Scales) -> None:
    """Numbers can be scored, weights are not negative, scales above 0. Raises ConfigurationFault naming the field."""
    _not_negative(weights.cost, "weights.cost")
    _not_negative(weights.entropy, "weights.entropy")
    for juror, weight in weights.jury.items():
        _not_negative(weight, f"weights.jury.{juror}")
    for name in ("cost", "entropy", "mark"):
        scale = getattr(scales, name)
        if not 1 / LARGEST <= scale <= LARGEST:
            raise ConfigurationFault(
                f"scales.{name}: {scale} is not a number above 0 that makes sense", "scales divide what they scale"
            )


def _without(value: Any, names: tuple[str, ...]) -> Any:
    return {key: item for key, item in value.items() if key not in names} if isinstance(value, Mapping) else value


def _check_bid(bid: Bid, field: str, weights: Weights) -> None:
    _not_negative(bid.price, f"{field}.price")
    _not_negative(bid.tokens, f"{field}.tokens")
    if bid.entropy is not None:
        _not_negative(bid.entropy, f"{field}.entropy")
    for juror, mark in bid.marks.items():
        if juror not in weights.jury:
            raise ConfigurationFault(
                f"{field}.marks.{juror}: this juror has no weight", "give every juror a weight in weights.jury"
            )
        if not (math.isfinite(mark) and 0 <= mark <= HIGHEST_MARK):
            raise ConfigurationFault(f"{field}.marks.{juror}: {mark} is not a mark from 0 to 5", "marks are 0 to 5")


def _check_numbers(parent: Any, key: str, field: str) -> None:
    """Names the juror whose number is none, which a conversion of the whole would not."""
    numbers = parent.get(key) if isinstance(parent, Mapping) else None
    for name, number in numbers.items() if isinstance(numbers, Mapping) else ():
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise ConfigurationFault(f"{field}.{name}: {number!r} is not a number", "mend that number")


def _not_negative(number: float, field: str) -> None:
    if not 0 <= number <= LARGEST:
        raise ConfigurationFault(f"{field}: {_shown(number)} is not a number from 0 to {LARGEST:g}", "mend that number")


def _shown(number: float) -> str:
    try:
        return str(number)[:40]
    except ValueError:  # Python writes no integer of more than 4300 digits as text
        return "an integer of thousands of digits"


def _convert(value: Any, kind: type[Read], field: str) -> Read:
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, OverflowError) as fault:
        text, _, path = str(fault).partition(" - at `$")
        where = (field + path.removesuffix("`")).lstrip(".") or "the object"
        raise ConfigurationFault(f"{where}: {_lower(text)}", "see `sale-tui bid --json` for a record") from fault


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
