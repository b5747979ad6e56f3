"""``run`` and ``bid`` headless: what stands on which stream, exit codes, signals, broken pipes."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from sale_tui.errors import ConfigurationFault, Interrupted, NoAgentLoads, UsageFault
from sale_tui.events import decode
from sale_tui.headless.bid import bid_task
from sale_tui.headless.memory import list_memory, search_memory, show_memory
from sale_tui.headless.pool import check_pool, list_pools, show_pool
from sale_tui.headless.rescore import Source, rescore_record
from sale_tui.headless.run import run_task
from sale_tui.inference.scripted import Script, ScriptMark, ScriptTurn
from sale_tui.memory.service import MemoryService
from sale_tui.session.record import record_of
from sale_tui.session.runner import Session
from sale_tui.session.wiring import TaskRequest, Wiring

Wire = Callable[..., Wiring]
TASK = TaskRequest(text="In which \x1b[31mtown?")
EVIL = Script(
    turn=(
        ScriptTurn(part="bid", text="1. search \x1b[2J the \x9d0;x\x07 town."),
        ScriptTurn(part="execute", text="\x1b[31mred\x1b[0m\nAnswer: \x1b]0;owned\x07Orrin \x9b31m"),
    ),
    mark=(ScriptMark(mark=3),),
)


def steers(text: str) -> bool:
    return bool([c for c in text if (ord(c) < 32 and c not in "\n\t") or 127 <= ord(c) < 160])


async def test_the_answer_alone_is_on_stdout(wire: Wire) -> None:
    out, err = io.StringIO(), io.StringIO()
    assert await run_task(Session(wire()), TASK, out, err) == 0
    assert out.getvalue() == "Orrin\n"
    assert "Orrin" not in err.getvalue().split("run answered")[1]
    for told in ("kind: ", "provisional winner: cedar", "award: cedar", "not offered: python", "bill: auction $", "≈"):
        assert told in err.getvalue()


async def test_untrusted_text_steers_nothing(wire: Wire) -> None:
    for jsonl in (False, True):
        out, err = io.StringIO(), io.StringIO()
        assert await run_task(Session(wire(EVIL)), TASK, out, err, jsonl=jsonl) == 0
        assert not steers(err.getvalue())
        assert not steers(out.getvalue())


async def test_every_event_is_a_line(wire: Wire, memory: MemoryService) -> None:
    out, err = io.StringIO(), io.StringIO()
    assert await run_task(Session(wire(EVIL)), TASK, out, err, jsonl=True) == 0
    events = [decode(line) for line in out.getvalue().splitlines()]
    assert memory.store.events(events[0].auction) == events
    assert "award: ash" in err.getvalue()


@pytest.mark.parametrize(
    ("script", "kind", "code"),
    [
        (Script(turn=(ScriptTurn(part="bid", text="?"),)), "no_valid_bid", 4),
        (Script(load_fault=dict.fromkeys(("ash", "birch", "cedar", "elm"), "gone")), "no_agent_loads", 3),
    ],
)
async def test_an_error_is_the_last_line(wire: Wire, script: Script, kind: str, code: int) -> None:
    out, err = io.StringIO(), io.StringIO()
    assert await run_task(Session(wire(script)), TASK, out, err, jsonl=True) == code
    lines = out.getvalue().splitlines()
    last = json.loads(lines[-1])
    assert set(last) == {"error"}
    assert set(last["error"]) == {"kind", "message", "hint"}
    assert last["error"]["kind"] == kind == json.loads(lines[-2])["error"]
    out, err = io.StringIO(), io.StringIO()
    assert await run_task(Session(wire(script)), TASK, out, err) == code
    assert out.getvalue() == ""
    assert "error: " in err.getvalue()
    assert "try: " in err.getvalue()


async def test_a_wrong_request_is_raised(wire: Wire) -> None:
    with pytest.raises(UsageFault):
        await run_task(Session(wire()), TaskRequest(text=" "), io.StringIO(), io.StringIO())


class Impatient(io.StringIO):
    """A reader that interrupts at the first bid."""

    def write(self, text: str) -> int:
        if '"bid_started"' in text and "bid_started" not in self.getvalue():
            os.kill(os.getpid(), signal.SIGINT)
        return super().write(text)


async def test_a_signal_interrupts(wire: Wire) -> None:
    hanging = Script(turn=(ScriptTurn(part="bid", text="1. a plan", hang=True),))
    out, err = Impatient(), io.StringIO()
    assert await run_task(Session(wire(hanging)), TASK, out, err, jsonl=True) == 130
    assert json.loads(out.getvalue().splitlines()[-1])["error"]["kind"] == "interrupted"
    assert "Traceback" not in err.getvalue()


class Gone(io.StringIO):
    """A reader that goes away after some lines."""

    def __init__(self, lines: int) -> None:
        super().__init__()
        self._left = lines

    def write(self, text: str) -> int:
        if self._left <= 0:
            raise BrokenPipeError
        self._left -= text.count("\n")
        return super().write(text)


async def test_a_broken_pipe_stops_everything(wire: Wire) -> None:
    before = asyncio.all_tasks()
    session = Session(wire())
    with pytest.raises(BrokenPipeError):
        await run_task(session, TASK, Gone(5), io.StringIO(), jsonl=True)
    assert asyncio.all_tasks() == before
    assert not session.busy


async def test_bid_gives_a_record_that_rescores_to_its_award(wire: Wire, memory: MemoryService) -> None:
    session = Session(wire())
    await run_task(session, TASK, io.StringIO(), io.StringIO())
    out, err = io.StringIO(), io.StringIO()
    assert await bid_task(session, TASK, out, err, as_json=True) == 0
    [line] = out.getvalue().splitlines()
    record = json.loads(line)
    assert set(record) == {"format", "task", "weights", "scales", "bids", "award"}
    assert record["award"]["round"] == "refined"
    assert {bid["round"] for bid in record["bids"]} == {"first", "refined"}
    again = io.StringIO()
    assert (
        rescore_record("-", Source(stdin=io.BytesIO(line.encode()), stored=memory.store.record), again, as_json=True)
        == 0
    )
    scored = json.loads(again.getvalue())
    assert {name: scored["award"][name] for name in ("agent", "round")} == {
        name: record["award"][name] for name in ("agent", "round")
    }
    auction = memory.store.list_auctions()[0].id
    stored = io.StringIO()
    rescore_record(auction, Source(stdin=io.BytesIO(), stored=memory.store.record), stored, as_json=True)
    assert json.loads(stored.getvalue()) == scored
    assert json.loads(msgspec.json.encode(record_of(memory.store.events(auction)))) == record


async def test_bid_as_text(wire: Wire) -> None:
    out, err = io.StringIO(), io.StringIO()
    assert await bid_task(Session(wire(EVIL)), TASK, out, err) == 0
    assert not steers(out.getvalue())
    assert "award: ash (first bid), by the auction" in out.getvalue()
    assert "1. search" in out.getvalue()


async def test_bid_without_bids(wire: Wire) -> None:
    out, err = io.StringIO(), io.StringIO()
    script = Script(turn=(ScriptTurn(part="bid", text="?"),))
    assert await bid_task(Session(wire(script)), TASK, out, err, as_json=True) == 4
    assert list(json.loads(out.getvalue())) == ["error"]


async def test_the_memory_is_listed_searched_and_shown(wire: Wire, memory: MemoryService) -> None:
    await run_task(Session(wire(EVIL)), TASK, io.StringIO(), io.StringIO())
    heads = memory.store.list_auctions()
    auction = heads[0].id
    listed, found, shown = io.StringIO(), io.StringIO(), io.StringIO()
    assert list_memory(heads, listed) == 0
    assert search_memory(await memory.search("which town"), found) == 0
    assert show_memory(memory.store.get_auction(auction), memory.store.events(auction), shown) == 0
    for text in (listed.getvalue(), found.getvalue(), shown.getvalue()):
        assert auction in text
        assert not steers(text)
    assert "found by meaning" in found.getvalue()
    assert "Orrin" in shown.getvalue()
    streams = [io.StringIO() for _ in range(3)]
    list_memory(heads, streams[0], as_json=True)
    search_memory(await memory.search("which town"), streams[1], as_json=True)
    show_memory(memory.store.get_auction(auction), [], streams[2], as_json=True)
    values = [json.loads(stream.getvalue()) for stream in streams]
    assert values[0][0]["id"] == values[1]["hits"][0]["auction"]["id"] == values[2]["summary"]["id"] == auction
    assert not [stream for stream in streams if steers(stream.getvalue())]
    empty = io.StringIO()
    list_memory([], empty)
    assert empty.getvalue() == "the memory is empty\n"


async def test_pools(wire: Wire) -> None:
    wiring = wire()
    out = io.StringIO()
    assert list_pools([wiring.pool], out, as_json=True) == 0
    assert json.loads(out.getvalue())[0]["name"] == "trees"
    out = io.StringIO()
    assert show_pool(wiring.pool, out) == 0
    assert "cedar" in out.getvalue()
    out = io.StringIO()
    show_pool(wiring.pool, out, as_json=True)
    shown: dict[str, Any] = json.loads(out.getvalue())
    assert shown["scored"]["entropy"] + sum(shown["scored"]["jury"].values()) == pytest.approx(1.0)
    out = io.StringIO()
    assert await check_pool(wiring.pool, wiring.models, out, io.StringIO(), as_json=True) == 0
    assert {agent["reason"] for agent in json.loads(out.getvalue())["agents"]} == {""}


async def test_a_pool_of_which_some_do_not_load(wire: Wire) -> None:
    out = io.StringIO()
    wiring = wire(Script(load_fault={"elm": "truncated"}))
    with pytest.raises(ConfigurationFault, match="elm"):
        await check_pool(wiring.pool, wiring.models, out, io.StringIO())
    assert "elm: does not load: elm: truncated" in out.getvalue()
    wiring = wire(Script(load_fault=dict.fromkeys(("ash", "birch", "cedar", "elm"), "gone")))
    with pytest.raises(NoAgentLoads):
        await check_pool(wiring.pool, wiring.models, io.StringIO(), io.StringIO())


class VeryImpatient(io.StringIO):
    """A reader that interrupts twice, at the first bid."""

    def write(self, text: str) -> int:
        if '"bid_started"' in text and "bid_started" not in self.getvalue():
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
        return super().write(text)


def test_a_second_signal_stops_hard(wire: Wire, memory: MemoryService) -> None:
    hanging = Script(turn=(ScriptTurn(part="bid", text="1. a plan", hang=True),))
    session = Session(wire(hanging))
    with pytest.raises(Interrupted):
        asyncio.run(run_task(session, TASK, VeryImpatient(), io.StringIO(), jsonl=True))
    assert not session.busy
    [head] = memory.store.list_auctions()
    assert head.status == "interrupted"
