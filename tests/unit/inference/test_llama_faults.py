"""Whatever happens to a worker or its file is one ModelFault, at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sale_tui.auction.jury import judge
from sale_tui.auction.refinement import refine
from sale_tui.auction.setting import Deadlines, Setting
from sale_tui.errors import ModelFault
from sale_tui.events import AgentLost, Event, JurorFailed, RefinementSkipped
from sale_tui.inference.gguf import read_header
from sale_tui.inference.shapes import SHAPES, write_model
from sale_tui.memory.hashing import HashingEmbedder
from sale_tui.memory.kinds import KindClassifier
from sale_tui.memory.service import MemoryService
from sale_tui.memory.store import AuctionStore
from sale_tui.memory.vectors import VectorIndex
from sale_tui.ports import Generate, Message
from sale_tui.session.human import AutoHuman
from sale_tui.types import AuctionRules, Bid, ContrastPair, Sampling, Scales, Task, Weights

BID = (Message(role="user", content="sort it", part="task"), Message(role="user", content="bid", part="bid"))
PAIR = ContrastPair(
    auction="a", task="t", similarity=1.0, losing_plan="x", losing_agent="tiny", winning_plan="y", winning_agent="o"
)
LONG = Generate(messages=BID, sampling=Sampling(temperature=0.0), max_tokens=3800)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


class OnePair(MemoryService):
    """Recalls one pair, whatever it is asked."""

    def __init__(self, database: Path) -> None:
        embedder = HashingEmbedder()
        classifier = KindClassifier(embedder, database.parent)
        super().__init__(AuctionStore(database), VectorIndex(database, embedder.name), classifier, embedder)

    async def recall(self, text: str, author_sha256: str, neighbours: int) -> list[ContrastPair]:
        return [PAIR]


async def until(condition, seconds: float = 1.0) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:  # noqa: ASYNC110 - nothing tells of another process's end
        await asyncio.sleep(0.002)
    return bool(condition())


async def gone(pid: int) -> bool:
    return await until(lambda: not alive(pid))


async def drained(stream) -> None:
    async for _ in stream:
        pass


async def failing(call) -> tuple[ModelFault, float]:
    began = time.monotonic()
    with pytest.raises(ModelFault) as caught:
        await call
    assert caught.value.message
    return caught.value, time.monotonic() - began


async def test_killed_while_generating(model):
    stream = model.generate(LONG)
    await anext(stream)
    os.kill(model.pid, signal.SIGKILL)
    fault, seconds = await failing(drained(stream))
    assert "SIGKILL" in fault.message
    assert seconds < 1.0
    again, _ = await failing(model.count_tokens(BID, ()))
    assert again is fault


async def test_killed_while_idle_and_loaded_anew(model):
    pid = model.pid
    os.kill(pid, signal.SIGKILL)
    await failing(drained(model.generate(LONG)))
    await model.load()
    assert model.pid != pid
    assert await model.count_tokens(BID, ()) > 0


async def test_killed_while_marking(model):
    prompts = [(*BID, Message(role="user", content="x" * 900)) for _ in range(64)]
    call = asyncio.create_task(model.mark(prompts, "Mark: ", ()))
    await asyncio.sleep(0.02)
    os.kill(model.pid, signal.SIGKILL)
    _, seconds = await failing(call)
    assert seconds < 1.0


async def test_killed_while_loading(make_model):
    model = make_model()
    load = asyncio.create_task(model.load())
    await until(lambda: model.pid is not None)
    os.kill(model.pid, signal.SIGKILL)
    _, seconds = await failing(load)
    assert seconds < 1.0
    await model.close()
    await model.close()


async def test_all_pending_calls_fail_together(model):
    calls = [asyncio.create_task(failing(drained(model.generate(LONG)))) for _ in range(6)]
    await asyncio.sleep(0.05)
    os.kill(model.pid, signal.SIGABRT)
    faults = await asyncio.gather(*calls)
    assert {"SIGABRT" in fault.message for fault, _ in faults} == {True}


async def test_stopped_worker_meets_the_deadline(model):
    pid = model.pid
    os.kill(pid, signal.SIGSTOP)
    request = Generate(messages=BID, max_tokens=10, deadline_seconds=0.3)
    fault, seconds = await failing(drained(model.generate(request)))
    assert "did not answer within 0.3 s" in fault.message
    assert 0.25 < seconds < 1.3
    assert await gone(pid)


async def test_stopped_worker_meets_the_deadline_of_marks_and_counts(model):
    calls = (lambda: model.mark([BID], "Mark: ", (), 0.3), lambda: model.count_tokens(BID, (), 0.3))
    for call in calls:
        pid = model.pid
        os.kill(pid, signal.SIGSTOP)
        fault, seconds = await failing(call())
        assert "did not answer within 0.3 s" in fault.message
        assert 0.25 < seconds < 1.3
        assert await gone(pid)
        await model.load()
        assert model.pid != pid


async def test_a_juror_and_a_challenger_that_hang_leave_no_worker(model, tmp_path):
    bid = Bid(agent="tiny", round="first", plan="1. sort", tokens=3, entropy=None, price=0.05, marks={})
    weights = Weights(cost=1.0, entropy=0.5, jury={"tiny": 0.5})
    setting = Setting(
        task=Task(text="sort it", kind="coding"),
        rules=AuctionRules(weights=weights, scales=Scales(cost=1.0, entropy=1.0)),
        models={"tiny": model},
        memory=OnePair(tmp_path / "memory.db"),
        human=AutoHuman(),
        tools=(),
        deadlines=Deadlines(mark=0.2, recall=0.2, grace=1.0),
    )
    facts = await model.load()
    phases = (lambda emit: judge(model, [bid], setting, emit), lambda emit: refine(model, facts, bid, setting, emit))
    for phase, failure in zip(phases, (JurorFailed, RefinementSkipped), strict=True):
        pid = model.pid
        events: list[Event] = []
        os.kill(pid, signal.SIGSTOP)
        await phase(events.append)
        assert [type(event) for event in events] == [failure, AgentLost]
        assert "its worker was ended" in str(events[0])
        assert await gone(pid)
        await model.load()
        assert model.pid != pid
    setting.memory.close()


async def test_a_load_that_hangs(make_model):
    model = make_model(load_seconds=0.5)
    load = asyncio.create_task(model.load())
    await until(lambda: model.pid is not None)
    pid = model.pid
    os.kill(pid, signal.SIGSTOP)
    fault, seconds = await failing(load)
    assert "did not load within 0.5 s" in fault.message
    assert seconds < 1.5
    assert await gone(pid)
    await model.close()


async def test_a_cancelled_load_leaves_no_worker(make_model):
    model = make_model()
    load = asyncio.create_task(model.load())
    await until(lambda: model.pid is not None)
    pid = model.pid
    load.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await load
    assert await gone(pid)
    await model.close()


@pytest.mark.parametrize("share", [0.0, 0.0001, 0.05, 0.5, 0.99])
async def test_truncated_files(make_model, tiny, tmp_path, share):
    whole = tiny.read_bytes()
    path = tmp_path / "cut.gguf"
    path.write_bytes(whole[: int(len(whole) * share)])
    fault, _ = await failing(make_model(path).load())
    assert str(path) in fault.message
    assert fault.hint


async def test_foreign_files(make_model, tmp_path):
    text = tmp_path / "notes.gguf"
    text.write_text("this is no model")
    folder = tmp_path / "folder.gguf"
    folder.mkdir()
    absent, pipe = tmp_path / "absent.gguf", tmp_path / "pipe.gguf"
    os.mkfifo(pipe)
    wrong = ((text, "not a GGUF"), (folder, "is a folder"), (absent, "no model file"), (pipe, "is a pipe"))
    for path, words in (*wrong, (Path("/dev/zero"), "a device")):
        fault, _ = await failing(make_model(path).load())
        assert words in fault.message


async def test_an_architecture_that_llama_does_not_know(make_model, tiny, tmp_path):
    path = tmp_path / "odd.gguf"
    path.write_bytes(tiny.read_bytes().replace(b"qwen3", b"qwenX"))
    model = make_model(path)
    fault, _ = await failing(model.load())
    assert "llama.cpp does not load" in fault.message
    assert any("qwenX" in line for line in model.log)
    await model.close()


async def test_damaged_weights_that_the_header_does_not_show(make_model, tiny, tmp_path):
    """Wrong dimensions in the metadata: llama.cpp itself refuses them."""
    path = tmp_path / "wrong.gguf"
    write_model(path, SHAPES["tiny"], kind="f32")
    raw = path.read_bytes()
    at = raw.index(b"qwen3.block_count") + len(b"qwen3.block_count") + 4
    path.write_bytes(raw[:at] + (9).to_bytes(4, "little") + raw[at + 4 :])
    assert read_header(path).metadata["qwen3.block_count"] == 9
    await failing(make_model(path).load())


async def test_wrong_hash(make_model):
    fault, _ = await failing(make_model(sha256="0" * 64).load())
    assert "not the file that the pool expects" in fault.message


async def test_a_context_beyond_memory_is_an_error(make_model):
    model = make_model(context=2_000_000_000)
    fault, _ = await failing(model.load())
    assert "GB are free" in fault.message
    await model.close()


async def test_a_terminal_interrupt_does_not_reach_workers(model):
    assert os.getpgid(model.pid) != os.getpgid(0)
    assert os.getsid(model.pid) != os.getsid(0)


async def test_workers_are_niced_and_get_no_secrets(model, monkeypatch, make_model):
    monkeypatch.setenv("SOME_API_KEY", "secret")
    other = make_model()
    await other.load()
    environment = Path(f"/proc/{other.pid}/environ").read_bytes()
    assert b"secret" not in environment
    nice = int(Path(f"/proc/{other.pid}/stat").read_text("utf-8").rpartition(")")[2].split()[16])
    await other.close()
    assert nice >= 5


PARENT = """
import asyncio, sys
from sale_tui.inference.llama.model import LlamaModel
from sale_tui.memory.hashing import HashingEmbedder
from sale_tui.memory.kinds import KindClassifier
from sale_tui.memory.service import MemoryService
from sale_tui.memory.store import AuctionStore
from sale_tui.memory.vectors import VectorIndex
from sale_tui.ports import Generate, Message
from sale_tui.types import AgentSpec, Sampling

async def main():
    model = LlamaModel(AgentSpec(name="t", model=sys.argv[1], price=1.0, context=4096), sequences=4)
    await model.load()
    stream = model.generate(Generate(messages=(Message(role="user", content="x"),), max_tokens=4000,
                                     sampling=Sampling(temperature=0.0)))
    if sys.argv[2] == "busy":
        await anext(stream)
    print(model.pid, flush=True)
    async for _ in stream:
        pass
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.parametrize("state", ["busy", "later", "stopped"])
async def test_workers_die_with_their_parent(tiny, state):
    root = str(Path(__file__).parents[3])
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(tiny), state,
        stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": root},
    )  # fmt: skip
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    assert alive(pid)
    if state == "stopped":
        os.kill(pid, signal.SIGSTOP)
    parent.kill()
    await parent.wait()
    assert await gone(pid)


async def test_no_descriptors_leak(make_model):
    model = make_model()
    await model.load()
    await model.close()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        await model.load()
        await model.close()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
    assert model.pid is None
