"""The whole list of attacks while the machine is busy: processes that compute, and sandboxed runs without a pause.

python benchmarks/attacks_under_load.py                          three rounds beside four busy processes and four lanes
python benchmarks/attacks_under_load.py --rounds 1 --busy 1      a short look

The exit code is 1 where an attack got out in any round, or a run beside them did not come to its end.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sale_tui.sandbox.bubblewrap import BubblewrapSandbox
from sale_tui.sandbox.owner import workspace_base
from sale_tui.trees import remove_tree

ROOT = Path(__file__).resolve().parents[1]
ATTACKS = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/sandbox/test_attacks.py")
BUSY = (sys.executable, "-c", "while True: pass")


async def lane(sandbox: BubblewrapSandbox, folder: Path, attacked: asyncio.Event) -> tuple[int, int]:
    """Sandboxed runs until the attacks are over: how many, and how many of them went wrong."""
    done = wrong = 0
    while not attacked.is_set():
        result = await sandbox.run_python("print(sum(range(100_000)))", folder, 30)
        done += 1
        wrong += result.stdout != "4999950000\n"
    return done, wrong


async def attack(rounds: int, attacked: asyncio.Event) -> int:
    """How many rounds let something out."""
    broken = 0
    try:
        for number in range(rounds):
            began = time.perf_counter()
            process = await asyncio.create_subprocess_exec(
                *ATTACKS, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
            )
            said, _ = await process.communicate()
            lines = said.decode("utf-8", "replace").splitlines() or [""]
            print(f"round {number + 1}: {lines[-1].strip('= ')}; {time.perf_counter() - began:.0f} s", flush=True)
            if process.returncode != 0:
                broken += 1
                print("\n".join(lines[-40:]))
    finally:
        attacked.set()
    return broken


async def measure(rounds: int, lanes: int) -> int:
    """1 where a promise is broken."""
    base = workspace_base(Path(tempfile.gettempdir()))
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    sandbox, attacked = BubblewrapSandbox(base), asyncio.Event()
    folders = [Path(tempfile.mkdtemp(prefix="bench-", dir=base)) for _ in range(lanes)]
    try:
        broken, *beside = await asyncio.gather(
            attack(rounds, attacked), *(lane(sandbox, folder, attacked) for folder in folders)
        )
    finally:
        for folder in folders:
            remove_tree(folder)
    done, wrong = (sum(column) for column in zip(*beside, strict=True)) if beside else (0, 0)
    kept = not broken and not wrong
    figure = f"{broken} of {rounds} rounds let an attack out; beside them {wrong} of {done} runs went wrong"
    print(f"{'ok    ' if kept else 'BROKEN'} {figure}; promised: none")
    return 0 if kept else 1


def main() -> int:
    """Load the machine, attack, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--busy", type=int, default=4, help="processes that compute")
    parser.add_argument("--at-once", type=int, default=4, help="lanes of sandboxed runs")
    given = parser.parse_args()
    busy = [subprocess.Popen(BUSY) for _ in range(given.busy)]
    try:
        return asyncio.run(measure(given.rounds, given.at_once))
    finally:
        for process in busy:
            process.kill()
            process.wait()


if __name__ == "__main__":
    sys.exit(main())
