from __future__ import annotations

import pytest

from sale_tui.errors import ConfigurationFault
from sale_tui.events import encode
from sale_tui.memory.database import connect, writing
from sale_tui.memory.derive import derive
from sale_tui.memory.migrations import migrate, steps
from sale_tui.memory.store import AuctionStore

NAMES = ["m0001_log", "m0002_vectors", "m0003_bills"]


def schema(path):
    db = connect(path)
    found = {
        row[0]: row[1] for row in db.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    }
    db.close()
    return found


def test_released_steps_keep_their_names_and_their_order(store):
    assert [step.name for step in steps.applied(store._db)][: len(NAMES)] == NAMES


@pytest.mark.parametrize("first", NAMES[1:])
def test_an_empty_database_of_any_older_version_becomes_a_current_one(tmp_path, first):
    old = connect(tmp_path / "old.db")
    steps.apply(old, stop_before=first)
    migrate(old)
    old.close()
    AuctionStore(tmp_path / "new.db").close()
    assert schema(tmp_path / "old.db") == schema(tmp_path / "new.db")


def test_the_rows_of_the_first_version_are_kept_and_completed(tmp_path, sample):
    """Written as the first version wrote: events and rows, but no table of bills yet."""
    old = connect(tmp_path / "memory.db")
    steps.apply(old, stop_before="m0002_vectors")
    events = sample().events()
    with writing(old) as db:
        db.execute(
            "INSERT INTO auctions (id, started, status, writer) VALUES (?, 0, 'running', 'gone')", (events[0].auction,)
        )
        for event in events:
            tag = event.__struct_config__.tag
            row = (event.auction, event.seq, event.at, tag, encode(event))
            db.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?)", row)
            if tag != "bill_made":
                derive(db, event)
    old.close()
    store = AuctionStore(tmp_path / "memory.db")
    stored = store.get_auction(events[0].auction)
    assert list(stored.events) == events
    assert stored.bill is not None
    assert (stored.bill.run_dollars, stored.bill.run_tokens) == (2e-6, 77)
    assert len(stored.bids) == 4
    store.close()


def test_a_database_of_a_newer_version_is_refused_and_not_touched(tmp_path):
    AuctionStore(tmp_path / "memory.db").close()
    db = connect(tmp_path / "memory.db")
    with writing(db):
        db.table("_sqlite_migrations").insert(
            {"migration_set": "sale_tui", "name": "m9999_later", "applied_at": "later"}
        )
    before = schema(tmp_path / "memory.db")
    with pytest.raises(ConfigurationFault, match=r"newer version.*m9999_later"):
        AuctionStore(tmp_path / "memory.db")
    assert schema(tmp_path / "memory.db") == before
    db.close()
