"""The real model from the installed package, in its real worker process."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sale_tui.errors import SaleError
from sale_tui.memory.embed_worker import HASHES, is_intact
from sale_tui.memory.embedder import SentenceEmbedder
from sale_tui.memory.kinds import KindClassifier

HELD_OUT = {
    "coding": [
        "Take these numbers and throw away the ones under five, then add what is left: 3, 9, 5, 2",
        "I need a function that tells me whether a year is a leap year",
        "Reverse the list 4 7 1 and double each item",
        "make every word of 'the quick brown fox' start with a capital",
        "What's the product of all odd digits in 48713?",
        "Why does my for loop skip the last element?",
        "How many of the words apple, bee, ox have more than two letters?",
        "Subtract 4 from every entry of 10, 20, 30 and give me the biggest.",
    ],
    "search": [
        "Who founded Velmar?",
        "In which year was the mother of the baker of Ostrin born?",
        "what does the guild in Karth trade in",
        "Which lake is near the town where the smith lives?",
        "I would like to know who the ruler of the northern province is",
        "Look through the documents and find the birthplace of Mira Tolen",
        "What colour is the door of the inn in Pellworm?",
        "Who taught the teacher of the harbour master?",
    ],
}

PARENT = """
import asyncio
from sale_tui.memory.embedder import SentenceEmbedder
async def main():
    embedder = SentenceEmbedder()
    embedder.warm()
    await asyncio.sleep(1.0)  # long enough to be in the middle of importing torch
    print("loading", flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


def dot(one: list[float], other: list[float]) -> float:
    return math.fsum(a * b for a, b in zip(one, other, strict=True))


async def gone(pid: int, seconds: float) -> bool:
    """Whether a process that is no child of ours ends in time."""
    descriptor = os.pidfd_open(pid)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(descriptor, ended.set)
    try:
        async with asyncio.timeout(seconds):
            await ended.wait()
    except TimeoutError:
        return False
    finally:
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)
    return True


async def test_the_real_model_knows_meaning_survives_a_crash_and_tells_kinds(tmp_path):
    embedder = SentenceEmbedder()
    embedder.warm()
    near, text, far = await embedder.embed(["The cat sleeps.", "A kitten is taking a nap.", "Sort these numbers."])
    assert len(text) == 384
    assert abs(dot(text, text) - 1) < 1e-5
    assert dot(near, text) > dot(far, text) + 0.3
    assert embedder.ready is not None
    assert embedder.ready.source == "package"
    assert await embedder.embed([]) == []

    worker = embedder.pid
    assert worker is not None
    os.kill(worker, signal.SIGKILL)
    both = await asyncio.gather(embedder.embed(["A kitten is taking a nap."]), embedder.embed(["Sort these numbers."]))
    assert dot(both[0][0], text) > 0.9999
    assert embedder.pid != worker

    classifier = KindClassifier(embedder, tmp_path)
    for kind, tasks in HELD_OUT.items():
        vectors = await embedder.embed(tasks)
        told = [(await classifier.nearest(vector))[0] for vector in vectors]
        assert told == [kind] * len(tasks)

    last = embedder.pid
    await embedder.close()
    await embedder.close()
    assert last is not None
    with pytest.raises(ProcessLookupError):
        os.kill(last, 0)
    with pytest.raises(SaleError, match="closed"):
        await embedder.embed(["x"])


async def test_a_worker_that_keeps_hanging_is_one_clear_error():
    embedder = SentenceEmbedder(load_seconds=0.05)
    with pytest.raises(SaleError, match=r"crashed twice.*not loaded after"):
        await embedder.embed(["x"])
    with pytest.raises(SaleError, match="crashed twice"):
        await embedder.embed(["x"])
    await embedder.close()


async def test_closing_while_it_loads_ends_the_worker():
    embedder = SentenceEmbedder()
    embedder.warm()
    waiting = asyncio.create_task(embedder.embed(["x"]))
    await asyncio.sleep(0)
    await embedder.close()
    with pytest.raises(SaleError, match="closed"):
        await waiting


@pytest.mark.skipif(sys.platform != "linux", reason="finds the worker by /proc")
@pytest.mark.parametrize("stopped", [False, True])
async def test_the_worker_ends_within_a_second_of_an_app_that_is_killed(stopped):
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", PARENT, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    await parent.stdout.readline()
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
    assert len(children) == 1
    if stopped:
        os.kill(int(children[0]), signal.SIGSTOP)
    parent.kill()
    assert await gone(int(children[0]), 1.0)
    await parent.wait()


def test_a_model_that_is_not_the_official_one_is_not_used(tmp_path):
    assert not is_intact(tmp_path)
    for name in HASHES:
        (tmp_path / name).write_bytes(b"something else")
    assert not is_intact(tmp_path)


def test_memory_is_opened_without_torch(tmp_path):
    code = (
        "import sys; from pathlib import Path; from sale_tui.memory.service import open_memory;"
        "from sale_tui.memory.embedder import SentenceEmbedder;"
        "m = open_memory(Path(sys.argv[1]) / 'memory.db', SentenceEmbedder(), Path(sys.argv[1])); m.close();"
        "print([name for name in ('torch', 'transformers', 'sentence_transformers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
