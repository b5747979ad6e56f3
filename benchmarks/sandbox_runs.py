"""Runs in a row leak nothing; what a run costs over bare Python; how many a second in parallel.

``--runs`` in a row (every tenth one killed at its time), ``--timed`` of each for the overhead, which alternate, and
``--at-once`` lanes for the rate. The exit code is 1 where anything is left: descriptors, threads, processes, folders,
or more than 10 MB of memory.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

from sale_tui.sandbox.bubblewrap import BubblewrapSandbox
from sale_tui.sandbox.owner import workspace_base
from sale_tui.sandbox.process import Launch, Running
from sale_tui.trees import remove_tree
from sale_tui.types import SandboxLimits

MOST_MEMORY = 10 * 1024 * 1024
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Held(NamedTuple):
    """What this process holds."""

    descriptors: int
    threads: int
    processes: int
    folders: int
    memory: int


def held(base: Path) -> Held:
    """Count it."""
    own = Path("/proc/self")
    children = sum(len(path.read_text().split()) for path in own.glob("task/*/children"))
    memory = int((own / "statm").read_text().split()[1]) * _PAGE
    folders = sum(1 for path in base.iterdir() if path.name.startswith(("stage-", "bench-")))
    # Those of the event loop's pool come as they are needed, up to a number, and stay.
    threads = sum(1 for thread in threading.enumerate() if not thread.name.startswith("asyncio_"))
    return Held(len(list((own / "fd").iterdir())), threads, children, folders, memory)


async def in_a_row(sandbox: BubblewrapSandbox, workspace: Path, runs: int) -> list[str]:
    """What is left after many runs."""
    for _ in range(10):
        await sandbox.run_python("pass", workspace, 10)
    before = held(sandbox.workspaces)
    for number in range(runs):
        stuck = number % 10 == 9
        await sandbox.run_python(
            "import signal; signal.pause()" if stuck else "print(1)", workspace, 0.1 if stuck else 10
        )
    await asyncio.sleep(0.1)
    after = held(sandbox.workspaces)
    print(f"before {before}\nafter  {after}")
    left = [name for name in Held._fields[:-1] if getattr(after, name) > getattr(before, name)]
    return left + (["memory"] if after.memory - before.memory > MOST_MEMORY else [])


async def bare() -> float:
    """Seconds of the same Python without a sandbox, started and read in the same way."""
    running = Running(SandboxLimits(), "none", talks=False)
    began = time.perf_counter()
    # The shell takes the option that says where to report as an argument of the program, which does not look at it.
    command = ("/bin/sh", "-c", "exec /usr/bin/python3 -B -c 'print(1)'")
    await running.begin(Launch(program=command, arguments=(), pass_fds=(), uid=None))

    async def nothing(_: Running) -> None:
        await asyncio.Event().wait()

    await running.finish(nothing, 10)
    return time.perf_counter() - began


async def overhead(sandbox: BubblewrapSandbox, workspace: Path, timed: int) -> tuple[float, float]:
    """Medians in seconds: in the sandbox, bare."""
    boxed, plain = [], []
    for _ in range(timed):
        began = time.perf_counter()
        await sandbox.run_python("print(1)", workspace, 10)
        boxed.append(time.perf_counter() - began)
        plain.append(await bare())
    return statistics.median(boxed), statistics.median(plain)


async def rate(sandbox: BubblewrapSandbox, base: Path, lanes: int, runs: int) -> float:
    """Runs a second, each lane in a workspace of its own."""
    folders = [Path(tempfile.mkdtemp(prefix="bench-", dir=base)) for _ in range(lanes)]

    async def lane(folder: Path) -> None:
        for _ in range(runs):
            await sandbox.run_python("print(1)", folder, 30)

    began = time.perf_counter()
    try:
        await asyncio.gather(*map(lane, folders))
        return lanes * runs / (time.perf_counter() - began)
    finally:
        for folder in folders:
            remove_tree(folder)


async def main(runs: int, timed: int, lanes: int) -> int:
    """Everything; 1 where something is left."""
    base = workspace_base(Path(tempfile.gettempdir()))
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    sandbox, workspace = BubblewrapSandbox(base), Path(tempfile.mkdtemp(prefix="bench-", dir=base))
    try:
        left = await in_a_row(sandbox, workspace, runs)
        boxed, plain = await overhead(sandbox, workspace, timed)
        many = await rate(sandbox, base, lanes, max(timed // 4, 1))
    finally:
        remove_tree(workspace)
    print(f"{runs} runs in a row; left over: {', '.join(left) or 'nothing'}")
    print(f"sandbox {boxed * 1e3:.1f} ms, bare {plain * 1e3:.1f} ms, ratio {boxed / plain:.2f}, "
          f"overhead {(boxed - plain) * 1e3:.1f} ms (medians of {timed})")  # fmt: skip
    print(f"{lanes} at once: {many:.1f} runs a second")
    return 1 if left else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--timed", type=int, default=40)
    parser.add_argument("--at-once", type=int, default=8)
    given = parser.parse_args()
    sys.exit(asyncio.run(main(given.runs, given.timed, given.at_once)))
