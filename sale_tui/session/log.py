"""The log of one auction as it is made: every event is stamped and stored before anyone sees it."""

from __future__ import annotations

from typing import Any

import msgspec

from sale_tui.errors import SaleError
from sale_tui.events import ErrorRaised, Event, encode
from sale_tui.ports import Clock, Memory
from sale_tui.streams import Emit, in_words


class EventLog:
    """Stamps auction, position and time, writes to memory, then hands the event on."""

    def __init__(self, auction: str, clock: Clock, memory: Memory, emit: Emit) -> None:
        self.auction = auction
        self._clock = clock
        self._memory = memory
        self._emit = emit
        self._next = 0
        self._broken: SaleError | None = None

    def add(self, event: Event) -> Event:
        """The event as it was stored and handed on. Raises SaleError where it cannot be stored."""
        stamped = msgspec.structs.replace(encodable(event), auction=self.auction, seq=self._next, at=self._clock.now())
        self._store(stamped)
        self._next += 1
        self._emit(stamped)
        return stamped

    def _store(self, event: Event) -> None:
        """What cannot be stored is not shown, nor anything after it, except the error that says so."""
        try:
            if self._broken is None:
                self._memory.write(event)
        except Exception as fault:  # noqa: BLE001 - whatever a database raises ends this log
            self._broken = SaleError(f"the memory cannot be written: {in_words(fault)}", "see `sale-tui doctor`")
        if self._broken is not None and not isinstance(event, ErrorRaised):
            raise self._broken


def encodable(event: Event) -> Event:
    """The event, with lone surrogates replaced where a task or a tool brought some: they cannot be written."""
    try:
        encode(event)
    except UnicodeEncodeError:
        plain: Event = msgspec.convert(_scrubbed(msgspec.to_builtins(event)), type(event))
        return plain
    return event


def _scrubbed(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-8", "replace").decode("utf-8")
        case dict():
            return {_scrubbed(key): _scrubbed(item) for key, item in value.items()}
        case list() | tuple():
            return [_scrubbed(item) for item in value]
        case _:
            return value
