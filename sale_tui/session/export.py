"""Past auctions as a file for people (Markdown) or for programs (JSON)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from sale_tui.archive import StoredAuction
from sale_tui.errors import ConfigurationFault
from sale_tui.events import OutcomeSet
from sale_tui.literal import literal, literal_line

FORMAT = 1
"""Version of the JSON: ``{"format", "auctions"}``, each auction as ``memory show --json`` prints it."""
SUFFIXES = (".md", ".json")
OUTCOMES = {"passed": "right", "failed": "wrong", "unknown": "not known"}


def check_target(file: Path) -> Path:
    """A file that can be exported to. Raises ConfigurationFault: another suffix, or it exists already."""
    if file.suffix.lower() not in SUFFIXES:
        raise ConfigurationFault(f"{file} ends in neither .md nor .json", "end the name in .md or .json")
    if os.path.lexists(file):
        raise _exists(file)
    return file


def export(auctions: Iterable[StoredAuction], file: Path) -> int:
    """Write auctions to a new file that only its owner reads; how many there were.

    The suffix says whether it is Markdown or JSON. Raises ConfigurationFault; the file is then not there.
    """
    check_target(file)
    pieces = _markdown(auctions) if file.suffix.lower() == ".md" else _json(auctions)
    written = 0
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError as fault:
        raise _exists(file) from fault
    except (OSError, ValueError) as fault:
        raise ConfigurationFault(f"{file} cannot be written: {fault}", "name a file in a folder of yours") from fault
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as out:
            for is_auction, piece in pieces:
                out.write(piece)
                written += is_auction
    except BaseException as fault:
        file.unlink(missing_ok=True)
        if isinstance(fault, OSError):
            raise ConfigurationFault(f"{file} cannot be written: {fault.strerror}", "free some disk space") from fault
        raise
    return written


def _exists(file: Path) -> ConfigurationFault:
    return ConfigurationFault(f"{file} exists already", "name a file that does not exist")


def _json(auctions: Iterable[StoredAuction]) -> Iterator[tuple[bool, str]]:
    yield False, f'{{"format": {FORMAT}, "auctions": ['
    for place, stored in enumerate(auctions):
        yield True, (",\n" if place else "\n") + msgspec.json.encode(stored).decode()
    yield False, "\n]}\n"


def _markdown(auctions: Iterable[StoredAuction]) -> Iterator[tuple[bool, str]]:
    yield False, "# Auctions\n"
    for stored in auctions:
        yield True, "\n" + "\n".join(markdown_of(stored)) + "\n"


def markdown_of(stored: StoredAuction) -> Iterator[str]:
    """The lines of one auction. What others have said stands in code blocks, where nothing of it is markup."""
    head = stored.summary
    when = datetime.fromtimestamp(head.started).astimezone().strftime("%Y-%m-%d %H:%M %Z")
    yield from (f"## {_inline(head.id)}", "", f"{when} · {head.kind or 'kind not known'} · pool {_inline(head.pool)}")
    yield from ("", "### Task", "", *_block(head.task))
    yield from ("", "### Bids", "", "| agent | round | tokens | entropy | mean mark | cost | value | total |")
    yield "|---|---|---|---|---|---|---|---|"
    yield from _rows(stored)
    for bid in stored.bids:
        yield from ("", f"Plan of {_inline(bid.agent)}, {bid.round} bid:", "", *_block(bid.plan))
    if stored.award is not None:
        award = stored.award
        overruled = f"; the auction had proposed {_inline(award.proposed_agent)}" if award.overruled else ""
        yield from ("", "### Award", "", f"{_inline(award.agent)}, {award.round} bid, by the {award.by}{overruled}.")
    if stored.run is not None:
        yield from ("", "### Answer", "", *_block(stored.run.answer or stored.run.reason or stored.run.status))
        yield from ("", f"Outcome: {outcome_words(stored)}.")
        yield from (f"- {_inline(source.title)} ({_inline(source.document)})" for source in stored.run.sources)
    if stored.bill is not None:
        bill = stored.bill
        auction = f"Auction ${bill.auction_dollars:.9f} ({bill.auction_tokens} tokens)"
        run = f"run ${bill.run_dollars:.9f} ({bill.run_tokens} tokens)"
        largest = f"the same run by the largest agent ≈ ${bill.always_largest_dollars:.9f}"
        yield from ("", "### Bill", "", f"{auction}, {run}; {largest}.")


def outcome_words(stored: StoredAuction) -> str:
    """Whether the answer was right, and who says so: ``right, by your mark``."""
    said = next((event for event in reversed(stored.events) if isinstance(event, OutcomeSet)), None)
    by = (
        ""
        if said is None or stored.outcome == "unknown"
        else {"user": "by your mark", "checker": "by its tests"}[said.by]
    )
    return f"{OUTCOMES[stored.outcome]}{', ' + by if by else ''}"


def mean_marks(stored: StoredAuction) -> dict[tuple[str, str], float]:
    """The mean of the marks that count, by agent and round."""
    given: dict[tuple[str, str], list[float]] = {}
    for mark in stored.marks:
        if mark.mark is not None:
            given.setdefault((mark.agent, mark.round), []).append(mark.mark)
    return {key: sum(marks) / len(marks) for key, marks in given.items()}


def _rows(stored: StoredAuction) -> Iterator[str]:
    cards = {(card.agent, card.round): card for card in stored.scorecards}
    marks = mean_marks(stored)
    for bid in stored.bids:
        card = cards.get((bid.agent, bid.round))
        numbers = [bid.entropy, marks.get((bid.agent, bid.round))]
        numbers += [card.cost, card.value, card.total] if card is not None else [None] * 3
        cells = " | ".join("–" if number is None else f"{number:.4f}" for number in numbers)
        yield f"| {_inline(bid.agent)} | {bid.round} | {bid.tokens} | {cells} |"


def _block(text: str) -> list[str]:
    plain = literal(text)
    longest = max((len(run) for run in re.findall(r"`{3,}", plain)), default=2)
    fence = "`" * (longest + 1)
    return [f"{fence}text", *plain.split("\n"), fence]


def _inline(text: str | None) -> str:
    plain = literal_line(text or "–")
    return re.sub(r"([\\`*_{}\[\]<>#|!&~])", r"\\\1", plain)
