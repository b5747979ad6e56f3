"""Reads through the workspace broker while folders turn into links to a secret and back: how many leaked.

python benchmarks/raced_reads.py                  50,000 reads each way, in about half a minute
python benchmarks/raced_reads.py --reads 2000     a short look

The exit code is 1 where one of our own ways has leaked.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from multiprocessing.synchronize import Event
from pathlib import Path

from sale_tui.agent import broker as broker_module
from sale_tui.agent.broker import Broker, Refused
from sale_tui.agent.openat import Opener, by_components, by_system_call

SECRET = b"the secret"


def swap(root: Path, outside: Path, stop: Event) -> None:
    """Rename and link without a pause, in a process of its own."""
    door, shelf = root / "d", root / "kept"
    while not stop.is_set():
        door.rename(shelf)
        door.symlink_to(outside)
        door.unlink()
        shelf.rename(door)


def by_path(root: Path) -> bytes:
    """What a careless broker does: look first, then open."""
    path = Path(os.path.realpath(root / "d" / "f"))
    if not path.is_relative_to(os.path.realpath(root)):
        raise Refused("it leads out")
    return (root / "d" / "f").read_bytes()


def race(name: str, reads: int, way: Opener | None) -> int:
    """Print how the reads of one way of opening ended, None: the careless one; how many leaked."""
    with tempfile.TemporaryDirectory() as base:
        root, outside = Path(base) / "root", Path(base) / "outside"
        (root / "d").mkdir(parents=True)
        outside.mkdir()
        (root / "d" / "f").write_bytes(b"harmless")
        (outside / "f").write_bytes(SECRET)
        stop = multiprocessing.Event()
        swapper = multiprocessing.Process(target=swap, args=(root, outside, stop))
        swapper.start()
        broker = Broker(root)
        broker_module.open_beneath = way or broker_module.open_beneath
        ended = {"harmless": 0, "secret": 0, "refused": 0}
        began = time.perf_counter()
        for _ in range(reads):
            try:
                data = broker.read("d/f") if way else by_path(root)
                ended["secret" if data == SECRET else "harmless"] += 1
            except (Refused, OSError):
                ended["refused"] += 1
        seconds = time.perf_counter() - began
        stop.set()
        swapper.join()
    told = ", ".join(f"{number} {what}" for what, number in ended.items())
    print(f"{name}: {told}; {1e6 * seconds / reads:.0f} µs a read")
    return ended["secret"]


def main() -> int:
    """Race all three ways; 1 where one of ours has leaked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reads", type=int, default=50_000)
    reads = parser.parse_args().reads
    leaked = race("openat2", reads, by_system_call) + race("component by component", reads, by_components)
    if not race("look, then open (not ours)", reads, None):
        print("the careless way has not leaked either: too few reads to show anything")
    print(f"{'BROKEN' if leaked else 'ok    '} {leaked} of {2 * reads} reads leaked; promised: none")
    return 1 if leaked else 0


if __name__ == "__main__":
    sys.exit(main())
