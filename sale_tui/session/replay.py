"""Reads recorded event logs and plays them again at any speed; no model, memory or tool is touched."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import msgspec

from sale_tui.errors import ConfigurationFault
from sale_tui.events import FORMAT, AnyEvent, LogStarted, decode

LONGEST_PAUSE = 5.0
"""Seconds; a pause in the log, such as a held countdown, is played no longer than this (before speed)."""

Sleep = Callable[[float], Awaitable[None]]


def read_log(source: Path | str | bytes) -> list[AnyEvent]:
    """The events of a log: a file's (Path), or its text itself.

    A last line that was cut off by the writer's death is left out, as is the error object that ends the output of
    ``run --jsonl``. Raises ConfigurationFault naming the line.
    """
    name, data = _load(source)
    lines = data.split(b"\n")
    whole_end = len(lines) if data.endswith(b"\n") else len(lines) - 1
    filled = [number for number, line in enumerate(lines) if line.strip()]
    events: list[AnyEvent] = []
    for number in filled:
        is_last = number == filled[-1]
        if is_last and _is_error_object(lines[number]):
            continue
        try:
            events.append(decode(lines[number]))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
            if is_last and number >= whole_end and events and not isinstance(fault, msgspec.ValidationError):
                continue
            raise ConfigurationFault(
                f"{name}, line {number + 1}: {fault}", "an event log has one JSON event a line, as `run --jsonl` prints"
            ) from fault
    _check_header(name, events)
    return events


async def replay(
    events: Sequence[AnyEvent], speed: float = 1.0, sleep: Sleep = asyncio.sleep
) -> AsyncIterator[AnyEvent]:
    """The events, ``speed`` times as fast as they happened; as fast as they can be read where speed is infinite."""
    before: float | None = None
    for event in events:
        if before is not None:
            pause = min(max(event.at - before, 0.0), LONGEST_PAUSE) / speed
            if pause > 0:
                await sleep(pause)
        before = event.at
        yield event


def _load(source: Path | str | bytes) -> tuple[str, bytes]:
    if isinstance(source, Path):
        try:
            return source.name, source.read_bytes()
        except OSError as fault:
            raise ConfigurationFault(f"{source} cannot be read: {fault.strerror}", "check the path") from fault
    return "the log", source.encode("utf-8", "replace") if isinstance(source, str) else source


def _is_error_object(line: bytes) -> bool:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and set(value) == {"error"}


def _check_header(name: str, events: Sequence[AnyEvent]) -> None:
    if not events or not isinstance(events[0], LogStarted):
        raise ConfigurationFault(f"{name}, line 1: not the header of an event log", "a log begins with log_started")
    if events[0].format != FORMAT:
        raise ConfigurationFault(
            f"{name}, line 1: format {events[0].format} is not known", f"this sale-tui reads format {FORMAT}"
        )
