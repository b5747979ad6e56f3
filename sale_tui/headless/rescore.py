"""``sale-tui rescore``: a record, an event log or a stored auction scored again; no model is called."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import msgspec

from sale_tui.auction.rescore import rescore
from sale_tui.auction.validation import Reweighing, parse_json, read_record, read_weights
from sale_tui.errors import ConfigurationFault, Exit
from sale_tui.headless.formats import print_json, print_lines
from sale_tui.headless.narration import record_lines
from sale_tui.paths import is_file
from sale_tui.session.record import record_of
from sale_tui.session.replay import read_log
from sale_tui.types import AuctionRecord, Award, Explanation, Scales, Scorecard, Weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where records come from."""

    stdin: BinaryIO
    stored: Callable[[str], AuctionRecord]
    """The record of an auction id, or of a unique beginning of one. Raises ConfigurationFault."""


def rescore_record(
    name: str,
    source: Source,
    out: TextIO,
    *,
    weights: Path | None = None,
    thrift: float | None = None,
    as_json: bool = False,
) -> int:
    """Score again and print; returns the exit code. ``name``: a file, ``-`` or an auction id.

    Raises ConfigurationFault naming the file or field, NoValidBid where no first bid is eligible.
    """
    record = find_record(name, source)
    new = _read_weights(weights) if weights is not None else None
    scored = rescore(record, new.weights if new else None, new.scales if new else None, thrift)
    if as_json:
        print_json(scored, out)
    else:
        print_lines(_text(record, scored), out)
    return int(Exit.ANSWERED)


def find_record(name: str, source: Source) -> AuctionRecord:
    """``-`` is stdin, then comes an existing file, then an auction id. Raises ConfigurationFault."""
    if name == "-":
        return parse_record(source.stdin.read(), "stdin")
    path = Path(name)
    if is_file(path, "the record"):
        return parse_record(_read(path), path.name)
    if "/" in name or "." in name:
        raise ConfigurationFault(f"there is no file {name}", "give a record, an event log, or an auction id")
    return source.stored(name)


def parse_record(text: str | bytes, name: str) -> AuctionRecord:
    """A record from its own JSON or from an event log, whichever the text is. Raises ConfigurationFault."""
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    first = data.lstrip()[:4096].split(b"\n", 1)[0]
    if b'"event"' in first:
        return record_of(read_log(data))
    value = parse_json(data, name)
    if isinstance(value, dict) and set(value) == {"error"}:
        raise ConfigurationFault(f"{name} holds an error, not a record", "hold the auction again")
    return read_record(value)


def _read_weights(path: Path) -> Reweighing:
    return read_weights(parse_json(_read(path), path.name))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as fault:
        raise ConfigurationFault(f"{path} cannot be read: {fault.strerror}", "check the path") from fault


def _text(record: AuctionRecord, scored: dict[str, Any]) -> Iterable[str]:
    used = msgspec.structs.replace(
        record,
        weights=msgspec.convert(scored["weights"], Weights),
        scales=msgspec.convert(scored["scales"], Scales),
        award=msgspec.convert(scored["award"], Award),
    )
    fields = ("agent", "round", "cost", "value", "total", "terms", "imputed")
    cards = [
        msgspec.convert({"eligible": bid["total"] is not None, **{name: bid[name] for name in fields}}, Scorecard)
        for bid in scored["bids"]
    ]
    yield from record_lines(used, cards, msgspec.convert(scored["explanation"], Explanation))
    yield f"provisional winner: {scored['provisional']}"
    if record.award is not None and record.award.agent != scored["award"]["agent"]:
        yield f"before, the award went to {record.award.agent} (by the {record.award.by})"
