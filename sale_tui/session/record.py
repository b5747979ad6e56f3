"""From an event log to the auction record, format 1 (design: auction record)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from sale_tui.auction.board import Board
from sale_tui.auction.validation import FORMAT
from sale_tui.errors import ConfigurationFault
from sale_tui.events import AwardDecided, AwardProposed, Event, KindChosen, LogStarted, TaskReceived
from sale_tui.types import AuctionRecord, Award, Kind, Task


class RecordFold:
    """Feed every event of one auction to ``apply``; ``record`` is the auction so far."""

    def __init__(self) -> None:
        self._board = Board()
        self._header: LogStarted | None = None
        self._text: str | None = None
        self._requested: Literal["auto", "search", "coding"] = "auto"
        self._kind: Kind | None = None
        self._award: Award | None = None

    def apply(self, event: Event) -> None:
        """Take an event in. Raises ConfigurationFault where a second auction begins."""
        self._board.apply(event)
        match event:
            case LogStarted():
                if self._header is not None:
                    raise ConfigurationFault("the log holds more than one auction", "give one auction at a time")
                self._header = event
            case TaskReceived():
                self._text, self._requested = event.text, event.requested_kind
            case KindChosen():
                self._kind = event.kind
            case AwardProposed() | AwardDecided():
                self._award = event.award
            case _:
                pass

    def record(self) -> AuctionRecord:
        """The record; its award is the proposed one until it is decided, None before. Raises ConfigurationFault."""
        if self._header is None or self._text is None:
            raise ConfigurationFault("the log has no header or no task", "a log begins with log_started, task_received")
        kind: Kind = self._kind or ("search" if self._requested == "search" else "coding")
        return AuctionRecord(
            format=FORMAT,
            task=Task(text=self._text, kind=kind),
            weights=self._header.weights,
            scales=self._header.scales,
            bids=self._board.bids,
            award=self._award,
        )


def record_of(events: Iterable[Event]) -> AuctionRecord:
    """The record of a whole log. Raises ConfigurationFault."""
    fold = RecordFold()
    for event in events:
        fold.apply(event)
    return fold.record()
