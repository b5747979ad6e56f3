from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from sale_tui.errors import ConfigurationFault, SaleError
from sale_tui.memory.hashing import HashingEmbedder
from sale_tui.memory.service import open_memory

TASKS = [
    "Which town lies north of the river Ael?",
    "Which town lies south of the river Ael?",
    "Sort the numbers 4, 8 and 1.",
    "Which town lies north of the river Ael?",
]


class Broken(HashingEmbedder):
    """As an embedder is whose model is not to be had."""

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        raise SaleError("no model", "install it")


async def fill(memory, sample, write_all, **changes):
    for n, task in enumerate(TASKS):
        events = sample(id=f"{n:014}", task=task, **changes).events()
        write_all(memory, events)
        await memory.remember(events[0].auction)


async def test_the_nearest_tasks_come_first_and_equal_ones_newest_first(memory, sample, write_all):
    await fill(memory, sample, write_all)
    pairs = await memory.recall(TASKS[0], "sha-s", 8)
    assert [int(pair.auction) for pair in pairs] == [3, 0, 1, 2]
    assert pairs[0].similarity == pytest.approx(1.0)
    assert (pairs[0].losing_agent, pairs[0].winning_agent) == ("s", "m")
    assert (pairs[0].losing_plan, pairs[0].winning_plan) == ("first plan of s", "first plan of m")
    assert [pair.auction for pair in await memory.recall(TASKS[0], "sha-s", 2)] == [pairs[0].auction, pairs[1].auction]


async def test_only_the_agents_own_auctions_count(memory, sample, write_all):
    await fill(memory, sample, write_all)
    assert await memory.recall(TASKS[0], "sha-unknown", 8) == []
    assert await memory.recall(TASKS[0], "", 8) == []


async def test_a_failed_winner_is_passed_over_for_the_next_neighbour(memory, sample, write_all):
    await fill(memory, sample, write_all)
    memory.set_outcome(f"{3:014}", "failed")
    write_all(memory, sample(id=f"{4:014}", task=TASKS[0], run="limit").events())
    await memory.remember(f"{4:014}")
    assert [int(pair.auction) for pair in await memory.recall(TASKS[0], "sha-s", 2)] == [0, 1]


@pytest.mark.parametrize("run", ["answered", "failed", None])
async def test_an_overruled_winner_stays_the_good_example(memory, sample, write_all, run):
    plans = {("xs", "first"): "the user's choice", ("m", "refined"): "better"}
    write_all(memory, sample(winner="xs", by="user", plans=plans, run=run).events())
    memory.set_outcome("00000000000001", "failed")
    await memory.remember("00000000000001")
    [pair] = await memory.recall("x", "sha-xs", 8)
    assert (pair.winning_agent, pair.winning_plan) == ("m", "better")
    assert (pair.losing_agent, pair.losing_plan) == ("xs", "the user's choice")


async def test_a_user_who_takes_the_proposed_agent_overrules_nobody(memory, sample, write_all):
    write_all(memory, sample(by="user", plans={("m", "refined"): "not taken"}).events())
    await memory.remember("00000000000001")
    [pair] = await memory.recall("x", "sha-s", 8)
    assert pair.winning_plan == "first plan of m"
    memory.set_outcome("00000000000001", "failed")
    assert await memory.recall("x", "sha-s", 8) == []


async def test_refined_plans_count_as_plans(memory, sample, write_all):
    plans = {("s", "refined"): "better, lost", ("xs", "refined"): "better, won"}
    write_all(memory, sample(winner="xs", round="refined", plans=plans).events())
    await memory.remember("00000000000001")
    [pair] = await memory.recall("x", "sha-s", 8)
    assert (pair.losing_plan, pair.winning_plan) == ("better, lost", "better, won")


async def test_unfinished_auctions_and_those_without_an_award_do_not_count(memory, sample, write_all):
    write_all(memory, sample(ended=False, run=None).events())
    write_all(memory, sample(id="00000000000002", awarded=False).events())
    assert await memory.remember("00000000000002") == 0
    assert await memory.recall(TASKS[0], "sha-s", 8) == []


async def test_what_could_not_be_embedded_is_made_up_for(tmp_path, sample, write_all):
    memory = open_memory(tmp_path / "memory.db", Broken(), tmp_path / "cache")
    write_all(memory, sample().events())
    with pytest.raises(SaleError, match="no model"):
        await memory.remember("00000000000001")
    with pytest.raises(SaleError, match="no model"):
        await memory.recall("x", "sha-s", 8)
    with pytest.raises(SaleError, match="no model"):
        await memory.nearest_kind("x")
    found = await memory.search("river")
    assert (found.by, found.reason, len(found.hits)) == ("words", "no model", 1)
    memory.close()
    memory = open_memory(tmp_path / "memory.db", HashingEmbedder(), tmp_path / "cache")
    assert len(await memory.recall("x", "sha-s", 8)) == 1
    memory.close()


async def test_an_empty_memory_asks_for_no_embedding(tmp_path):
    memory = open_memory(tmp_path / "memory.db", Broken(), tmp_path / "cache")
    assert await memory.recall("x", "sha-s", 8) == []
    memory.close()


async def test_remember_counts_and_knows_its_auctions(memory, sample, write_all):
    write_all(memory, sample().events())
    assert await memory.remember("00000000000001") == 1
    assert await memory.remember("00000000000001") == 1
    with pytest.raises(ConfigurationFault):
        await memory.remember("zzz")


async def test_another_process_remembers_for_this_one(memory, tmp_path, sample, write_all):
    other = open_memory(tmp_path / "memory.db", HashingEmbedder(), tmp_path / "cache")
    assert await memory.recall(TASKS[0], "sha-s", 8) == []
    await fill(other, sample, write_all)
    assert len(await memory.recall(TASKS[0], "sha-s", 8)) == 4
    other.close()


async def test_search_by_meaning_gives_the_nearest(memory, sample, write_all):
    await fill(memory, sample, write_all)
    found = await memory.search("sort numbers", limit=2)
    assert found.by == "meaning"
    assert found.hits[0].auction.task == TASKS[2]
    assert len(found.hits) == 2


async def test_many_unusable_neighbours_do_not_hide_the_usable_one(memory, sample, write_all):
    same = {("s", "first"): "same", ("m", "first"): "same"}
    for n in range(40):
        write_all(memory, sample(id=f"{n + 10:014}", task=TASKS[0], plans=same).events())
        await memory.remember(f"{n + 10:014}")
    write_all(memory, sample(id="00000000000001", task=TASKS[2]).events())
    await memory.remember("00000000000001")
    assert [pair.auction for pair in await memory.recall(TASKS[0], "sha-s", 1)] == ["00000000000001"]


async def test_text_that_has_no_bytes_is_searched_all_the_same(memory, sample, write_all):
    await fill(memory, sample, write_all)
    assert len((await memory.search("river \ud800")).hits) == 4
    assert (await memory.nearest_kind("Sort these numbers \udfff"))[0] == "coding"


async def test_recalls_of_several_challengers_go_side_by_side(memory, sample, write_all):
    await fill(memory, sample, write_all)
    alone = [await memory.recall(TASKS[0], f"sha-{name}", 3) for name in ("xs", "s", "m", "l")]
    together = await asyncio.gather(*(memory.recall(TASKS[0], f"sha-{name}", 3) for name in ("xs", "s", "m", "l")))
    assert together == alone
    assert [pairs[0].losing_agent for pairs in together] == ["xs", "s", "xs", "l"]


async def test_warming_makes_the_examples_ready(memory, tmp_path):
    memory.warm()
    memory.warm()
    assert memory._warming is not None
    await memory._warming
    assert len(list((tmp_path / "cache").glob("kinds-*.npy"))) == 1
