"""Logs read back, with clear errors, and played at a speed."""

from __future__ import annotations

from pathlib import Path

import pytest

from sale_tui.errors import ConfigurationFault
from sale_tui.events import AnyEvent, LogStarted, Notice, encode
from sale_tui.session.replay import read_log, replay
from sale_tui.types import Scales, Weights

HEADER = LogStarted(
    format=1,
    version="0",
    pool="p",
    agents=(),
    weights=Weights(cost=1.0, entropy=0.5, jury={}),
    scales=Scales(cost=1.0, entropy=1.0),
    thrift=1.0,
    neighbours=8,
    prompt_hashes={},
    sandbox="none",
    auction="x",
    at=10.0,
)
EVENTS: list[AnyEvent] = [HEADER, *(Notice(text=f"n{i}", auction="x", seq=i, at=10.0 + i * i) for i in (1, 2, 3))]
TEXT = "".join(encode(event) + "\n" for event in EVENTS)


def test_round_trip(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text(TEXT)
    assert read_log(file) == read_log(TEXT) == read_log(TEXT.encode()) == EVENTS


@pytest.mark.parametrize(
    "end", ['{"event":"notice","tex', '{"error": {"kind": "no_valid_bid", "message": "", "hint": ""}}\n']
)
def test_a_cut_or_closing_line_is_left_out(end: str) -> None:
    assert read_log(TEXT + end) == EVENTS


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (TEXT + "{broken}\n", "line 5"),
        (TEXT.replace('"n2"', "7"), "line 3"),
        (TEXT.replace('"notice"', '"unheard_of"'), "line 2"),
        ("\n\n" + encode(EVENTS[1]) + "\n", "line 1: not the header"),
        ("", "line 1"),
        (TEXT.replace('"format":1', '"format":9'), "format 9"),
        ("[" * 100_000, "line 1"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, told: str) -> None:
    with pytest.raises(ConfigurationFault, match=told):
        read_log(text)


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationFault, match=r"none\.jsonl"):
        read_log(tmp_path / "none.jsonl")


async def test_pauses_are_divided_by_the_speed_and_capped() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    played = [event async for event in replay(EVENTS, speed=2.0, sleep=sleep)]
    assert played == EVENTS
    assert slept == [0.5, 1.5, 2.5]
    long = [EVENTS[0], Notice(text="late", at=1000.0)]
    slept.clear()
    assert [event async for event in replay(long, speed=10.0, sleep=sleep)] == long
    assert slept == [0.5]
