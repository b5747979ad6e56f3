"""Processes as the kernel shows them: what the tests' own command has started."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

POLL_SECONDS = 0.02


def children_of(pid: int) -> list[int]:
    """All descendants of a process that are alive now."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *children_of(int(child))]
    return found


def is_alive(pid: int) -> bool:
    """Whether it exists and is no zombie."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def workers_of(pid: int) -> list[int]:
    """The llama.cpp workers below a process."""
    return [child for child in children_of(pid) if b"llama.worker" in _command(child)]


def kill(pid: int) -> None:
    """kill -9, if it is still there."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Look until it holds or the time is over."""
    tick = threading.Event()
    for _ in range(int(seconds / POLL_SECONDS)):
        if condition():
            return True
        tick.wait(POLL_SECONDS)
    return condition()


def _command(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""
