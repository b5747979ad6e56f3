"""What front ends do with past auctions: filtered pages, books, outcomes, forgetting."""

from __future__ import annotations

import pytest

from sale_tui.archive import Archive, Wanted
from sale_tui.errors import ConfigurationFault
from sale_tui.memory.store import TABLES

SECRET = "the code of the vault is 4711"


@pytest.fixture
def archive(memory):
    return memory.archive


@pytest.fixture
async def five(memory, sample, write_all, archive):
    """Five auctions: coding by xs, and search by m."""
    for n in range(5):
        kind, winner = (("coding", "xs"), ("search", "m"))[n % 2]
        events = sample(id=f"{n:014}", task=f"task number {n}", kind=kind, winner=winner).events()
        write_all(memory, events)
        await memory.remember(events[0].auction)
    return archive


def ids(summaries):
    return [int(summary.id) for summary in summaries]


async def test_a_page_holds_what_is_wanted_newest_first(five: Archive):
    assert ids(five.page(Wanted(), 3)) == [4, 3, 2]
    assert ids(five.page(Wanted(), 3, before=f"{2:014}")) == [1, 0]
    assert ids(five.page(Wanted(kind="search"), 9)) == [3, 1]
    assert ids(five.page(Wanted(agent="xs"), 9)) == [4, 2, 0]
    assert ids(five.page(Wanted(kind="search", agent="xs"), 9)) == []
    assert [five.count(wanted) for wanted in (Wanted(), Wanted(kind="coding"), Wanted(agent="nobody"))] == [5, 3, 0]
    assert five.agents() == ["m", "xs"]


async def test_a_search_finds_only_what_is_wanted(five: Archive):
    found = await five.search("task number 2", Wanted(), 2)
    assert (found.by, found.hits[0].auction.task) == ("meaning", "task number 2")
    searched = await five.search("task number 2", Wanted(kind="search"), 9)
    assert sorted(ids(hit.auction for hit in searched.hits)) == [1, 3]
    assert (await five.search("task", Wanted(agent="nobody"), 9)).hits == ()


def test_words_find_only_what_is_wanted(memory, sample, write_all):
    for n, kind in enumerate(("coding", "search")):
        write_all(memory, sample(id=f"{n:014}", kind=kind, task="the river").events())
    assert ids(hit.auction for hit in memory.search_words("river", wanted=Wanted(kind="search")).hits) == [1]


async def test_an_account_is_what_the_bill_said(five: Archive, memory, sample, write_all):
    write_all(memory, sample(id=f"{9:014}", awarded=False, ended=False).events())
    first, *_, last = five.accounts()
    assert (first.id, first.agent, first.outcome) == (f"{0:014}", "xs", "unknown")
    assert first.bill is not None
    assert (first.bill.auction_tokens, first.bill.run_dollars) == (400, 2e-6)
    events = memory.store.events(first.id)
    assert first.seconds == pytest.approx(events[-1].at - events[0].at)
    assert (last.agent, last.bill, last.seconds) == (None, None, None)


async def test_an_outcome_is_kept_changed_and_taken_back(five: Archive):
    for outcome in ("passed", "failed", "unknown"):
        five.set_outcome("00000000000003", outcome)
        assert five.get_auction("00000000000003").outcome == outcome
    assert {account.outcome for account in five.accounts()} == {"unknown"}


def test_without_an_answer_or_an_end_there_is_no_outcome(archive: Archive, memory, sample, write_all):
    write_all(memory, sample(id=f"{1:014}", run="failed").events())
    write_all(memory, sample(id=f"{2:014}", ended=False).events())
    with pytest.raises(ConfigurationFault, match="no answer"):
        archive.set_outcome(f"{1:014}", "passed")
    with pytest.raises(ConfigurationFault, match="still under way"):
        archive.set_outcome(f"{2:014}", "passed")
    with pytest.raises(ConfigurationFault, match="no auction"):
        archive.set_outcome("zzz", "passed")


async def test_what_is_forgotten_is_nowhere_any_more(archive: Archive, memory, sample, write_all):
    for n, task in enumerate((SECRET, "another task")):
        write_all(memory, sample(id=f"{n:014}", task=task, outcome="passed").events())
        await memory.remember(f"{n:014}")
    assert await memory.recall("a vault", "sha-m", 8) != []
    assert archive.forget([f"{0:014}"]) == 1
    assert ids(archive.page(Wanted(), 9)) == [1]
    assert [pair.auction for pair in await memory.recall(SECRET, "sha-m", 8)] == [f"{1:014}"]
    assert {int(hit.auction.id) for hit in (await archive.search(SECRET, Wanted(), 9)).hits} == {1}
    for table in TABLES:
        column = "id" if table == "auctions" else "auction"
        rows = memory.store._db.execute(f"SELECT count(*) FROM {table} WHERE {column} = ?", (f"{0:014}",)).fetchone()
        assert rows[0] == 0, table
    for file in memory.store.path.parent.glob("memory.db*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes(), file.name


def test_every_table_with_an_auction_is_known(store):
    tables = [
        name
        for name in store._db.table_names()
        if {"auction", "id"} & {column.name for column in store._db[name].columns} and not name.startswith("_")
    ]
    assert sorted(tables) == sorted(TABLES)


def test_one_that_is_under_way_keeps_all_from_being_forgotten(archive: Archive, memory, sample, write_all):
    write_all(memory, sample(id=f"{1:014}").events())
    write_all(memory, sample(id=f"{2:014}", ended=False).events())
    with pytest.raises(ConfigurationFault, match="still under way"):
        archive.forget([f"{1:014}", f"{2:014}"])
    assert len(archive.page(Wanted(), 9)) == 2
