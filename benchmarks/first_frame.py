"""How long the app takes to its first frame, against a bare Textual hello-world: the ratio of their medians.

Each run starts a process on a pseudo-terminal of its own, alternating between the two, and stops the clock when the
text of the first frame has arrived. ``--limit`` makes the exit code 1 above that ratio.
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


def first_frame(command: list[str], text: bytes) -> float:
    """Seconds from the start of a process until its terminal has received ``text``. Raises SystemExit without it."""
    begun = time.perf_counter()
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(ROOT)
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", PYTHONPATH=str(ROOT))
        os.execv(command[0], command)  # noqa: S606
    ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    received = b""
    try:
        while text not in received:
            ready, _, _ = select.select([terminal], [], [], PATIENCE)
            if not ready:
                raise SystemExit(f"no {text.decode()!r} within {PATIENCE:g} s; received {received[-2000:]!r}")
            try:
                received += os.read(terminal, 65536)
            except OSError as end:
                raise SystemExit(f"it ended without {text.decode()!r}; received {received[-2000:]!r}") from end
        return time.perf_counter() - begun
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(terminal)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=11, help="of each, after one to warm up")
    parser.add_argument("--limit", type=float, default=None, help="highest ratio that is still well")
    parser.add_argument("--command", action="store_true", help="measure the `sale-tui` command instead of the app alone")
    options = parser.parse_args()
    hello = [sys.executable, "-c", HELLO]
    app = [sys.executable, "-m", "sale_tui"] if options.command else [sys.executable, "-c", APP]
    bare, ours = [], []
    for run in range(options.runs + 1):
        pair = first_frame(hello, b"Hello"), first_frame(app, b"What should be done?")
        if run:
            bare.append(pair[0])
            ours.append(pair[1])
    ratio = statistics.median(ours) / statistics.median(bare)
    print(f"hello-world  median {statistics.median(bare):.3f} s  ({min(bare):.3f} to {max(bare):.3f})")
    print(f"sale-tui     median {statistics.median(ours):.3f} s  ({min(ours):.3f} to {max(ours):.3f})")
    print(f"ratio        {ratio:.2f}  ({options.runs} alternating runs each)")
    return int(options.limit is not None and ratio > options.limit)


if __name__ == "__main__":
    raise SystemExit(main())
