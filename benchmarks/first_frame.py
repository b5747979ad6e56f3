"""How long the app takes to its first frame, against a bare Textual hello-world: the ratio of their medians.

Each run starts a process on a pseudo-terminal of its own, alternating between the two, and stops the clock when the
text of the first frame has arrived. The runs that are not counted write the bytecode of both, as a first start does.
``--limit`` makes the exit code 1 above that ratio.
"""

from __future__ import annotations

import argparse
import os
import pty
import select
import signal
import statistics
import struct
import sys
import termios
import time
from fcntl import ioctl
from pathlib import Path

ROOT = Path(__file__).parents[1]
COLUMNS, LINES = 120, 40
PATIENCE = 30.0

HELLO = """
from textual.app import App
from textual.widgets import Static

class Hello(App):
    def compose(self):
        yield Static("Hello, world")

Hello().run()
"""
APP = """
from pathlib import Path
from sale_tui.events import AgentEntry, LogStarted
from sale_tui.session.replay import read_log
from sale_tui.tui.app import SaleApp
from sale_tui.tui.source import ReplaySource, pool_of

events = read_log(Path("tests/state/logs/coding.jsonl"))
async def open_session():
    return ReplaySource(events)
SaleApp(open_session, pool_of(events[0])).run()
"""


def first_frame(command: list[str], text: bytes) -> tuple[float, float]:
    """Seconds from the start of a process until its terminal has received ``text``: by the clock, and of computing.

    Raises SystemExit where it never comes.
    """
    begun = time.perf_counter()
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(ROOT)
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", PYTHONPATH=str(ROOT))
        os.execv(command[0], command)  # noqa: S606
    ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    received = b""
    elapsed = 0.0
    try:
        while text not in received:
            ready, _, _ = select.select([terminal], [], [], PATIENCE)
            if not ready:
                raise SystemExit(f"no {text.decode()!r} within {PATIENCE:g} s; received {received[-2000:]!r}")
            try:
                received += os.read(terminal, 65536)
            except OSError as end:
                raise SystemExit(f"it ended without {text.decode()!r}; received {received[-2000:]!r}") from end
        elapsed = time.perf_counter() - begun
    finally:
        os.kill(child, signal.SIGKILL)
        used = os.wait4(child, 0)[2]
        os.close(terminal)
    return elapsed, used.ru_utime + used.ru_stime


def main() -> int:
    """Measure, print, and judge where a limit is given."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=11, help="of each, after one to warm up")
    parser.add_argument("--limit", type=float, default=None, help="highest ratio that is still well")
    parser.add_argument(
        "--command", action="store_true", help="measure the `sale-tui` command instead of the app alone"
    )
    parser.add_argument("--pool", default="micro", help="that the command opens")
    options = parser.parse_args()
    hello = [sys.executable, "-c", HELLO]
    command = [sys.executable, "-m", "sale_tui", "--pool", options.pool]
    app = command if options.command else [sys.executable, "-c", APP]
    bare: list[tuple[float, float]] = []
    ours: list[tuple[float, float]] = []
    for run in range(options.runs + 1):
        pair = first_frame(hello, b"Hello"), first_frame(app, b"should be done?")
        if run:
            bare.append(pair[0])
            ours.append(pair[1])
    clock = report("by the clock", *([seconds for seconds, _ in times] for times in (bare, ours)))
    report("of computing", *([seconds for _, seconds in times] for times in (bare, ours)))
    return int(options.limit is not None and clock > options.limit)


def report(what: str, bare: list[float], ours: list[float]) -> float:
    """Print both medians with their spread; returns their ratio."""
    ratio = statistics.median(ours) / statistics.median(bare)
    for name, times in (("hello-world", bare), ("sale-tui", ours)):
        print(f"{what}  {name:<12} median {statistics.median(times):.3f} s  ({min(times):.3f} to {max(times):.3f})")
    print(f"{what}  ratio {ratio:.2f}  ({len(bare)} alternating runs each)")
    return ratio


if __name__ == "__main__":
    raise SystemExit(main())
