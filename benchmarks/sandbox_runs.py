"""What the sandbox promises in figures: runs in a row leak nothing, start quickly, end in time, and many run at once.

python benchmarks/sandbox_runs.py                                            everything, in about four minutes
python benchmarks/sandbox_runs.py --runs 50 --timed 10 --ends 10 --tests 5   a short look

Every tenth run in a row is killed at its time. Starts alternate with bare Python. A line a promise; the exit code is 1
where one is broken, which on a busy machine need not be the sandbox's fault.
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
from sale_tui.sandbox.check import self_test
from sale_tui.sandbox.owner import workspace_base
from sale_tui.sandbox.process import Launch, Running
from sale_tui.trees import remove_tree
from sale_tui.types import SandboxLimits

MOST_MEMORY = 10 * 1024 * 1024
MOST_OVERHEAD_MS, MOST_LATE_MS, MOST_TEST_MS = 40, 250, 250
LEAST_RATE = 10
"""Runs a second, on two cores."""
LIMIT_SECONDS = 0.2
STUBBORN = (
    "while True: pass",
    "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: signal.pause()",
    "import os\nfor _ in range(3): os.fork()\nwhile True: pass",
)
"""Programs that do not end."""
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Promise(NamedTuple):
    """One figure."""

    kept: bool
    figure: str
    bound: str


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


async def lateness(sandbox: BubblewrapSandbox, workspace: Path, ends: int) -> list[float]:
    """By how many seconds runs outlast their time limit, their start among them, in order."""
    late = []
    for number in range(ends):
        began = time.perf_counter()
        result = await sandbox.run_python(STUBBORN[number % len(STUBBORN)], workspace, LIMIT_SECONDS)
        late.append(time.perf_counter() - began - LIMIT_SECONDS)
        if result.reason != "timeout":
            raise SystemExit(f"a run that never ends was ended by {result.reason or 'itself'}")
    return sorted(late)


async def self_tests(sandbox: BubblewrapSandbox, times: int) -> list[float]:
    """Seconds of a self-test, in order."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        verdict = await self_test(sandbox)
        taken.append(time.perf_counter() - began)
        if not verdict.passed:
            raise SystemExit(f"the self-test failed: {', '.join(verdict.broken) or verdict.trouble}")
    return sorted(taken)


async def measure(given: argparse.Namespace) -> list[Promise]:
    """Every promise with its figure."""
    base = workspace_base(Path(tempfile.gettempdir()))
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    sandbox, workspace = BubblewrapSandbox(base), Path(tempfile.mkdtemp(prefix="bench-", dir=base))
    try:
        left = await in_a_row(sandbox, workspace, given.runs)
        boxed, plain = await overhead(sandbox, workspace, given.timed)
        many = await rate(sandbox, base, given.at_once, max(given.timed // 4, 1))
        late = await lateness(sandbox, workspace, given.ends)
        tests = await self_tests(sandbox, given.tests)
    finally:
        remove_tree(workspace)
    extra, worst, test = (boxed - plain) * 1e3, late[int(0.99 * (len(late) - 1))] * 1e3, statistics.median(tests) * 1e3
    return [
        Promise(not left, f"{given.runs} runs in a row leave {', '.join(left) or 'nothing'}", "nothing"),
        Promise(
            extra <= MOST_OVERHEAD_MS,
            f"a run takes {boxed * 1e3:.1f} ms, bare Python {plain * 1e3:.1f} ms, ratio {boxed / plain:.2f}, "
            f"overhead {extra:.1f} ms (medians of {given.timed})",
            f"at most {MOST_OVERHEAD_MS} ms",
        ),
        Promise(many >= LEAST_RATE, f"{given.at_once} at once: {many:.1f} runs a second", f"at least {LEAST_RATE}"),
        Promise(
            worst <= MOST_LATE_MS,
            f"ended {worst:.0f} ms late at the 99th percentile, {late[-1] * 1e3:.0f} ms at most, of {given.ends}",
            f"at most {MOST_LATE_MS} ms",
        ),
        Promise(
            test <= MOST_TEST_MS,
            f"the self-test takes {test:.0f} ms, {tests[-1] * 1e3:.0f} ms at most (median of {given.tests})",
            f"at most {MOST_TEST_MS} ms",
        ),
    ]


def main() -> int:
    """Measure and print; 1 where a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000, help="in a row")
    parser.add_argument("--timed", type=int, default=40, help="starts of each")
    parser.add_argument("--at-once", type=int, default=8, help="lanes")
    parser.add_argument("--ends", type=int, default=200, help="runs that must be ended")
    parser.add_argument("--tests", type=int, default=40, help="self-tests")
    promises = asyncio.run(measure(parser.parse_args()))
    for promise in promises:
        print(f"{'ok    ' if promise.kept else 'BROKEN'} {promise.figure}; promised: {promise.bound}")
    return 0 if all(promise.kept for promise in promises) else 1


if __name__ == "__main__":
    sys.exit(main())
