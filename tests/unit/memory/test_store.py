from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from sale_tui import events as e
from sale_tui.errors import ConfigurationFault, SaleError
from sale_tui.memory.store import AuctionStore
from sale_tui.types import ModelFacts

KINDS: tuple[type[e.Event], ...] = get_args(e.AnyEvent)

WRITER = """
import sys
from pathlib import Path
from sale_tui import events as e
from sale_tui.memory.store import AuctionStore
store, auction, count = AuctionStore(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
for seq in range(count):
    store.write(e.Notice(auction=auction, seq=seq, at=seq, text="x" * 50))
    print(seq, flush=True)
if count < 10**6:
    store.close()
"""


def writer(path: Path, auction: str, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), auction, str(count)], stdout=subprocess.PIPE, text=True, bufsize=1
    )


def test_the_log_comes_back_as_it_was_written(store, sample, write_all):
    events = sample(plans={("s", "refined"): "better"}).events()
    write_all(store, events)
    assert store.events("00000000000001") == events


def test_everything_of_an_auction_is_in_typed_rows(store, sample, write_all, source):
    write_all(store, sample(plans={("s", "refined"): "better"}, winner="s", round="refined", outcome="passed").events())
    stored = store.get_auction("0000")
    assert [(bid.agent, bid.round) for bid in stored.bids] == [
        ("xs", "first"), ("s", "first"), ("m", "first"), ("l", "first"), ("s", "refined"),
    ]  # fmt: skip
    assert stored.bids[0].sha256 == "sha-xs"
    assert stored.bids[4].recalled == ("x",)
    assert stored.bids[3].usage.output_tokens == 33
    assert [agent.name for agent in stored.agents] == ["xs", "s", "m", "l"]
    assert stored.agents[3].price_estimated
    assert len(stored.marks) == 20
    assert stored.marks[0].probabilities[4] == 0.3
    assert {card.agent for card in stored.scorecards} == {"xs", "s", "m", "l"}
    assert stored.scorecards[0].terms is not None
    assert stored.scorecards[0].imputed == ("entropy",)
    assert stored.award is not None
    assert (stored.award.plan, stored.award.proposed_agent, stored.award.overruled) == ("better", "m", False)
    assert stored.run is not None
    assert (stored.run.answer, stored.run.steps, stored.run.sources, stored.run.usage.output_tokens) == (
        "Velmar",
        3,
        (source,),
        77,
    )
    assert stored.bill is not None
    assert stored.bill.always_largest_dollars == 9e-6
    assert stored.outcome == "passed"
    assert stored.failures[0].reason == "it ended"
    assert (stored.summary.status, stored.summary.ended) == ("answered", stored.events[-1].at)


def test_a_record_holds_exactly_the_numbers_that_were_scored(store, sample, write_all):
    write_all(store, sample().events())
    record = store.record("00000000000001")
    assert record.weights.jury == {"xs": 0.2, "s": 0.2, "m": 0.2, "l": 0.2}
    assert record.scales.cost == 31.5
    assert [bid.entropy for bid in record.bids] == [0.1, None, 0.1 + 2 / 3, 0.1 + 1]
    assert record.bids[3].marks == {"s": 10 / 3, "m": 10 / 3, "l": 10 / 3}
    assert record.award is not None
    assert record.award.agent == "m"


def test_a_record_needs_a_header_and_a_task(store):
    store.write(e.TaskReceived(auction="a", seq=0, text="t", requested_kind="auto"))
    with pytest.raises(ConfigurationFault, match="stops before"):
        store.record("a")


def test_an_agent_that_is_there_again_is_no_longer_lost(store, sample, write_all):
    write_all(store, sample(ended=False).events())
    [facts] = [_example(field) for field in msgspec.structs.fields(e.AgentReady) if field.name == "facts"]
    assert isinstance(facts, ModelFacts)
    lost = e.AgentLost(agent="m", reason="it ended", auction=sample.id, seq=900)
    ready = e.AgentReady(agent="m", facts=facts, auction=sample.id, seq=901)
    for event, row in ((lost, ("sha-m", "it ended")), (ready, (facts.sha256, None))):
        store.write(event)
        assert store._db.execute("SELECT sha256, lost FROM agents WHERE agent = 'm'").fetchall() == [row]


def test_an_overruled_award_is_told_from_a_proposed_one(store, sample, write_all):
    write_all(store, sample(winner="l", by="user").events())
    assert store.list_auctions()[0].overruled


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"run": None}, "awarded"),
        ({"run": "limit"}, "limit"),
        ({"run": "interrupted"}, "interrupted"),
        ({"awarded": False}, "failed"),
    ],
)
def test_the_status_says_how_it_ended(store, sample, write_all, changes, status):
    write_all(store, sample(**changes).events())
    assert store.list_auctions()[0].status == status


def test_an_error_ends_an_auction(store, sample, write_all):
    write_all(store, sample(awarded=False, ended=False).events())
    store.write(
        e.ErrorRaised(
            auction="00000000000001", seq=999, at=5.0, error="no_valid_bid", message="none", hint="", exit_code=4
        )
    )
    stored = store.get_auction("0")
    assert (stored.summary.status, stored.error, stored.message) == ("failed", "no_valid_bid", "none")


def test_an_error_after_a_run_does_not_hide_how_the_run_ended(store, sample, write_all):
    events = sample(run="limit").events()
    write_all(store, events)
    store.write(
        e.ErrorRaised(
            auction=events[0].auction, seq=len(events), at=5.0, error="run_failed", message="m", hint="", exit_code=5
        )
    )
    assert store.list_auctions()[0].status == "limit"


def test_pages_go_from_the_newest_to_the_oldest(store, sample, write_all):
    for n in range(5):
        write_all(store, sample(id=f"{n:014}").events())
    first = store.list_auctions(limit=3)
    second = store.list_auctions(limit=3, before=first[-1].id)
    assert [int(entry.id) for entry in first + second] == [4, 3, 2, 1, 0]


def test_a_prefix_must_be_unique(store, sample, write_all):
    for name in ("00000000000011", "00000000000012"):
        write_all(store, sample(id=name).events())
    with pytest.raises(ConfigurationFault, match="several"):
        store.get_auction("0000")
    with pytest.raises(ConfigurationFault, match="no auction"):
        store.get_auction("zz")
    with pytest.raises(ConfigurationFault, match="no auction"):
        store.get_auction("")
    assert store.get_auction("00000000000012").summary.id == "00000000000012"


def test_words_are_found_in_tasks_plans_and_answers_and_are_no_patterns(store, sample, write_all):
    write_all(store, sample(id="00000000000001", task="Sort 100% of a_b").events())
    write_all(
        store, sample(id="00000000000002", task="Sort 100 of axb", plans={("m", "first"): "use a hammer"}).events()
    )
    assert [found.id for found in store.search_words("sort 100")] == ["00000000000002", "00000000000001"]
    assert [found.id for found in store.search_words("100%")] == ["00000000000001"]
    assert [found.id for found in store.search_words("a_b")] == ["00000000000001"]
    assert [found.id for found in store.search_words("hammer sort")] == ["00000000000002"]
    assert len(store.search_words("velmar")) == 2
    assert store.search_words("hammer 100%") == []
    assert store.search_words("  ") == []


def test_writing_an_event_twice_changes_nothing_and_another_one_is_refused(store, sample, write_all):
    events = sample().events()
    write_all(store, events)
    write_all(store, events)
    assert len(store.events("0")) == len(events)
    with pytest.raises(SaleError, match="in the log already"):
        store.write(e.Notice(auction="00000000000001", seq=0, text="other"))


def test_an_event_needs_an_auction(store):
    with pytest.raises(SaleError, match="no auction"):
        store.write(e.Notice(text="lost"))


def test_an_outcome_set_later_is_an_event_of_the_log(store, sample, write_all):
    events = sample().events()
    write_all(store, events)
    store.set_outcome("00000000000001", "failed")
    store.set_outcome("00000000000001", "failed")
    last = store.events("0")[-1]
    assert isinstance(last, e.OutcomeSet)
    assert (last.seq, last.by, last.outcome) == (len(events), "user", "failed")
    assert store.list_auctions()[0].outcome == "failed"
    store.write(e.OutcomeSet(auction="00000000000001", seq=len(events), at=9.0, outcome="failed", by="user"))
    assert len(store.events("0")) == len(events) + 1
    with pytest.raises(ConfigurationFault):
        store.set_outcome("unknown", "passed")


def test_the_rows_follow_from_the_log_alone(store, sample, write_all, tmp_path):
    write_all(store, sample(plans={("xs", "refined"): "better"}, outcome="passed").events())
    copy = AuctionStore(tmp_path / "copy" / "memory.db")
    write_all(copy, store.events("0"))
    assert copy.get_auction("0") == store.get_auction("0")
    copy.close()


def test_every_kind_of_event_can_be_stored(store):
    for seq, kind in enumerate(KINDS):
        fields = {field.name: _example(field) for field in msgspec.structs.fields(kind) if field.required}
        tag = {"event": kind.__struct_config__.tag, "auction": "a", "seq": seq}
        store.write(msgspec.convert(msgspec.to_builtins({**tag, **fields}), kind))
    assert len(store.events("a")) == len(KINDS)


def _example(field: msgspec.structs.FieldInfo) -> object:
    from sale_tui import types as t

    facts = t.ModelFacts(
        sha256="s",
        architecture="qwen3",
        parameters=1,
        file_bytes=1,
        vocabulary=1,
        context=1,
        sequences=1,
        device="CPU",
        load_seconds=1,
    )
    known: dict[str, object] = {
        "weights": t.Weights(cost=1, entropy=0, jury={}),
        "scales": t.Scales(cost=1, entropy=1),
        "usage": t.Usage(),
        "facts": facts,
        "award": t.Award(agent="m", round="first", by="auction", reason=""),
        "limits": t.Limits(),
        "explanation": t.Explanation(runner_up=None, runner_up_round=None, margin=None, deciding_term=None, flip=None),
        "bill": t.Bill(auction_dollars=0, run_dollars=0, always_largest_dollars=0, auction_tokens=0, run_tokens=0),
        "prompt_hashes": {},
        "arguments": {},
        "probabilities": (0.0,) * 6,
        "phase": "bidding",
        "kind": "search",
        "by": "user",
        "requested_kind": "auto",
        "round": "first",
        "sandbox": "none",
        "status": "answered",
        "outcome": "passed",
        "channel": "text",
    }
    if field.name in known:
        return known[field.name]
    text = str(field.type)
    return () if "tuple" in text else False if "bool" in text else 1 if "int" in text or "float" in text else "x"


def test_kill_9_loses_nothing_that_was_written(tmp_path):
    path = tmp_path / "memory.db"
    process = writer(path, "a", 10**6)
    assert process.stdout is not None
    seen = [int(process.stdout.readline()) for _ in range(150)]
    process.kill()
    seen += [int(line) for line in process.stdout.read().split("\n") if line]
    assert process.wait() == -signal.SIGKILL
    process.stdout.close()
    store = AuctionStore(path)
    kept = [event.seq for event in store.events("a")]
    assert kept[: len(seen)] == seen
    assert len(kept) - len(seen) <= 1
    assert store.list_auctions()[0].status == "interrupted"
    assert store.get_auction("a").task is None
    store.close()


def test_an_auction_runs_as_long_as_its_writer_lives(tmp_path, store):
    process = writer(tmp_path / "memory.db", "b", 10**6)
    assert process.stdout is not None
    process.stdout.readline()
    assert store.list_auctions()[0].status == "running"
    process.kill()
    process.wait()
    process.stdout.close()
    assert store.list_auctions()[0].status == "interrupted"


def test_processes_make_the_database_and_write_to_it_at_the_same_time(tmp_path):
    names = ("a", "b", "c", "d")
    processes = [writer(tmp_path / "memory.db", name, 100) for name in names]
    assert [len(process.communicate()[0].splitlines()) for process in processes] == [100] * 4
    store = AuctionStore(tmp_path / "memory.db")
    assert [len(store.events(name)) for name in names] == [100] * 4
    store.close()


def test_what_is_no_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "memory.db"
    path.write_text("These are my notes, and no database at all. " * 50)
    with pytest.raises(ConfigurationFault, match="cannot be opened"):
        AuctionStore(path)
    assert path.read_text().startswith("These are my notes")


def test_a_full_disk_is_told_and_leaves_no_half_of_an_event(store, sample, write_all):
    events = sample().events()
    store.write(events[0])
    store._db.execute(f"PRAGMA max_page_count = {store._db.execute('PRAGMA page_count').fetchone()[0]}")
    notices = [e.Notice(auction="00000000000001", seq=seq, text="x" * 4000) for seq in range(1, 100)]
    with pytest.raises(SaleError, match="full"):
        write_all(store, notices)
    store._db.execute("PRAGMA max_page_count = 1000000")
    kept = len(store.events("0"))
    store.write(e.Notice(auction="00000000000001", seq=kept, text="on"))
    assert [event.seq for event in store.events("0")] == list(range(kept + 1))


def test_a_database_that_was_damaged_is_told(tmp_path, sample, write_all):
    path = tmp_path / "memory.db"
    first = AuctionStore(path)
    write_all(first, sample().events())
    first.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 40_000)
    with pytest.raises(SaleError, match="auction memory"):
        write_all(AuctionStore(path), sample(id="00000000000002").events())


def test_tables_are_strict(store):
    with pytest.raises(sqlite3.IntegrityError):
        store._db.execute("INSERT INTO events VALUES ('a', 'not a number', 0.0, 'k', 'b')")
