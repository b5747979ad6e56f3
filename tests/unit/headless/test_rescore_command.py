"""``rescore`` of records, logs and stored auctions."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sale_tui.errors import ConfigurationFault, NoValidBid
from sale_tui.events import AwardDecided, BidPlaced, Event, KindChosen, LogStarted, MarkGiven, TaskReceived, encode
from sale_tui.headless.replay import replay_text
from sale_tui.headless.rescore import Source, rescore_record
from sale_tui.session.record import record_of
from sale_tui.types import AuctionRecord, Award, Scales, Usage, Weights


def marked(juror: str, agent: str, mark: float | None) -> MarkGiven:
    return MarkGiven(
        juror=juror, agent=agent, round="first", mark=mark, expected=mark or 0.0, probabilities=(0, 0, 0, 0, 0, 1),
        mass=0.9, usage=Usage(),
    )  # fmt: skip


def bid(agent: str, price: float, tokens: int, entropy: float | None) -> BidPlaced:
    return BidPlaced(
        agent=agent, round="first", plan=f"1. {agent}'s \x1b[31mplan", tokens=tokens, entropy=entropy, price=price,
        recalled=(), usage=Usage(),
    )  # fmt: skip


EVENTS: list[Event] = [
    LogStarted(
        format=1, version="0", pool="p", agents=(), weights=Weights(cost=1.0, entropy=0.4, jury={"a": 0.3, "b": 0.3}),
        scales=Scales(cost=20.0, entropy=2.0), thrift=1.0, neighbours=8, prompt_hashes={}, sandbox="none",
    ),
    TaskReceived(text="how \x9b31m many?", requested_kind="auto"),
    KindChosen(kind="search", by="auto"),
    bid("a", 0.05, 100, 0.5),
    bid("b", 0.36, 70, None),
    marked("a", "a", 3.25),
    marked("a", "b", 4.5),
    marked("b", "a", None),
    marked("b", "b", 4.0),
    AwardDecided(
        award=Award(agent="b", round="first", by="user", reason="mine"), plan="1. b's plan", proposed_agent="a"
    ),
]  # fmt: skip
LOG = "".join(encode(event) + "\n" for event in EVENTS)
RECORD = msgspec.json.encode(record_of(EVENTS)).decode()


def nothing_stored(name: str) -> AuctionRecord:
    raise ConfigurationFault(f"there is no auction {name!r}")


def rescored(name: str, text: str | bytes = "", **options: Any) -> dict[str, Any]:
    out = io.StringIO()
    source = Source(stdin=io.BytesIO(text if isinstance(text, bytes) else text.encode()), stored=nothing_stored)
    assert rescore_record(name, source, out, as_json=True, **options) == 0
    value: dict[str, Any] = json.loads(out.getvalue())
    return value


def test_a_record_a_log_and_a_stored_auction_are_the_same(tmp_path: Path) -> None:
    file = tmp_path / "auction.json"
    file.write_text(json.dumps(json.loads(RECORD), indent=2))
    results = [rescored("-", RECORD), rescored("-", LOG), rescored(str(file))]
    out = io.StringIO()
    source = Source(stdin=io.BytesIO(), stored=lambda name: record_of(EVENTS))
    rescore_record("some-id", source, out, as_json=True)
    results.append(json.loads(out.getvalue()))
    assert all(result == results[0] for result in results)
    [first, second] = results[0]["bids"]
    assert first["marks"] == {"a": 3.25}
    assert first["imputed"] == ["mark:b"]
    assert second["imputed"] == ["entropy"]
    assert second["total"] == pytest.approx(0.36 * 70 / 20 - (0.4 * 0.5 / 2 + 0.3 * 0.9 + 0.3 * 0.8), abs=1e-9)
    assert results[0]["award"] == {**results[0]["award"], "agent": "a", "by": "auction"}


def test_weights_and_thrift(tmp_path: Path) -> None:
    file = tmp_path / "weights.json"
    weights = {"cost": 1, "entropy": 1, "jury": {"a": 1, "b": 2}}
    file.write_text(json.dumps({"weights": weights, "scales": {"cost": 100, "entropy": 1}}))
    scored = rescored("-", LOG, weights=file, thrift=0.5)
    assert scored["weights"] == {"cost": 1.0, "entropy": 0.5, "jury": {"a": 0.5, "b": 1.0}}
    assert scored["scales"]["cost"] == 100.0


def test_as_text() -> None:
    out = io.StringIO()
    rescore_record("-", Source(stdin=io.BytesIO(LOG.encode()), stored=nothing_stored), out)
    text = out.getvalue()
    assert "\x1b" not in text
    assert "\x9b" not in text
    assert "before, the award went to b (by the user)" in text
    assert "a*" in text


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("-", "nothing", "stdin"),
        ("-", '{"error": {"kind": "x", "message": "", "hint": ""}}', "holds an error"),
        ("-", LOG.splitlines()[0].replace('"version"', '"wersion"'), "line 1"),
        ("no/such/file.json", "", "no file"),
        ("-", b'{"format": 1, "plan": "\xff\xfe"}', "stdin is not JSON"),
        (RECORD + "x" * 300, "", "cannot be looked at"),
        ("unknown-id", "", "unknown-id"),
    ],
)
def test_what_cannot_be_read_is_named(name: str, text: str | bytes, told: str) -> None:
    with pytest.raises(ConfigurationFault, match=told):
        rescored(name, text)


def test_a_log_without_bids() -> None:
    with pytest.raises(NoValidBid):
        rescored("-", "".join(encode(event) + "\n" for event in EVENTS[:3]))


def test_two_auctions_in_one_log() -> None:
    with pytest.raises(ConfigurationFault, match="more than one auction"):
        rescored("-", LOG + LOG)


async def test_a_log_as_text_is_literal(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text(LOG)
    out = io.StringIO()
    assert await replay_text(file, out, speed=1000.0) == 0
    assert "\x1b" not in out.getvalue()
    assert "how  many?" in out.getvalue()
    assert "award: b (first bid), by the user: mine" in out.getvalue()
