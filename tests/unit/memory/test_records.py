"""Records of many auctions at once are those that each has by itself."""

from __future__ import annotations

import pytest

from sale_tui.auction.validation import check_record


@pytest.fixture
def filled(store, sample, write_all):
    write_all(store, sample(id="00000000000001").events())
    write_all(store, sample(id="00000000000002", plans={("xs", "refined"): "better"}).events())
    write_all(store, sample(id="00000000000003", awarded=False).events())
    write_all(store, [e for e in sample(id="00000000000004").events() if type(e).__name__ != "MarkGiven"])
    write_all(store, sample(id="00000000000005", by="user", winner="l", task="[/] \x1b[31m").events())
    return store


def same(record):
    return (record.task, record.weights, record.scales, record.award, {(b.agent, b.round): b for b in record.bids})


def test_those_that_were_judged_and_awarded_newest_first(filled):
    found = filled.past_records(10)
    alone = [filled.record(f"0000000000000{n}") for n in (5, 2, 1)]
    assert [same(record) for record in found] == [same(record) for record in alone]
    for record in found:
        check_record(record)


@pytest.mark.parametrize(
    ("limit", "without", "plans"), [(2, "", [4, 5]), (10, "00000000000005", [5, 4]), (0, "", []), (1, "x", [4])]
)
def test_at_most_so_many_and_without_one(filled, limit, without, plans):
    assert [len(record.bids) for record in filled.past_records(limit, without)] == plans


def test_an_empty_memory_has_none(store):
    assert store.past_records(100) == []


def test_the_archive_reads_the_same(memory, sample, write_all):
    write_all(memory, sample().events())
    assert len(memory.archive.past_records(5)) == 1
    assert memory.archive.past_records(5) == memory.store.past_records(5)
    assert memory.archive.past_records(5, without=sample().id) == []
