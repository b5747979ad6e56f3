"""Counts what the processes of a run hold, as /proc tells it, and what lies in a folder."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import NamedTuple

_PAGE = os.sysconf("SC_PAGE_SIZE")
_KILOBYTE = 1024
_BLOCK = 512
_GONE = " (deleted)"


class Usage(NamedTuple):
    """What a folder holds."""

    bytes: int
    files: int
    whole: bool
    """Whether all of it could be counted."""


def tree(root: int) -> list[int]:
    """A process and all below it."""
    found, open_ = [], [root]
    while open_:
        pid = open_.pop()
        found.append(pid)
        open_ += _children(pid)
    return found


def tasks(pid: int) -> int:
    """Threads of a process, itself among them."""
    try:
        return sum(1 for _ in Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return 0


def threads() -> int:
    """Threads of the whole machine: read in no time, it tells when to count those of a run."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/loadavg").read_bytes().split()[3].split(b"/")[1])
    return 0


def resident(pid: int) -> int:
    """Bytes in memory or swapped out; shared pages count for everybody who has them."""
    try:
        with Path(f"/proc/{pid}/status").open("rb") as file:
            return sum(int(line.split()[1]) for line in file if line.startswith((b"VmRSS:", b"VmSwap:"))) * _KILOBYTE
    except (OSError, ValueError):
        return 0


def proportional(pid: int) -> int:
    """The same, shared pages divided among those who share them; undivided where that may not be read."""
    try:
        with Path(f"/proc/{pid}/smaps_rollup").open("rb") as file:
            return sum(int(line.split()[1]) for line in file if line.startswith((b"Pss:", b"SwapPss:"))) * _KILOBYTE
    except (OSError, ValueError):
        return resident(pid)


def anonymous(pid: int) -> int:
    """Bytes in memory that no file stands for."""
    try:
        with Path(f"/proc/{pid}/status").open("rb") as file:
            return sum(int(line.split()[1]) for line in file if line.startswith((b"RssAnon:", b"VmSwap:"))) * _KILOBYTE
    except (OSError, ValueError):
        return 0


def memory_files(pids: list[int]) -> int:
    """Bytes of the files in memory (memfd) that some processes hold open, each counted once."""
    sizes: dict[tuple[int, int], int] = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            for held in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    if str(held.readlink()).startswith("/memfd:"):
                        facts = held.stat()
                        sizes[facts.st_dev, facts.st_ino] = facts.st_blocks * _BLOCK
    return sum(sizes.values())


def stored(pid: int, folder: str) -> int:
    """Bytes in one of the sandbox's own file systems."""
    try:
        facts = os.statvfs(f"/proc/{pid}/root{folder}")
    except OSError:
        return 0
    return (facts.f_blocks - facts.f_bfree) * facts.f_frsize


def free(folder: Path) -> tuple[int, int]:
    """Bytes and files that the file system has left; of files, -1 where it does not tell."""
    facts = os.statvfs(folder)
    return facts.f_bavail * facts.f_frsize, facts.f_favail if facts.f_files else -1


def available() -> int:
    """Bytes of memory that the machine could still give."""
    with contextlib.suppress(OSError, ValueError), Path("/proc/meminfo").open("rb") as file:
        for line in file:
            if line.startswith(b"MemAvailable:"):
                return int(line.split()[1]) * _KILOBYTE
    return 1 << 62


def usage(folder: Path, most: int, seconds: float = 1.0) -> Usage:
    """What lies below a folder. Never follows a link; gives up after ``most`` files, or after some time."""
    used, count, whole, open_, end = 0, 0, True, [os.fspath(folder)], time.monotonic() + seconds
    while open_:
        if count > most or time.monotonic() > end:
            return Usage(used, count, whole=False)
        try:
            with os.scandir(open_.pop()) as entries:
                for entry in entries:
                    count += 1
                    used += entry.stat(follow_symlinks=False).st_blocks * _BLOCK
                    if entry.is_dir(follow_symlinks=False):
                        open_.append(entry.path)
        except FileNotFoundError:
            continue
        except OSError:
            # Shut, or deeper than a path can name.
            whole = False
    return Usage(used, count, whole and count <= most)


def unnamed(pids: list[int], device: int) -> int | None:
    """Bytes of files that have no name any more but are still held, open or mapped, on one file system.

    None where a process cannot be looked into: one that runs a program that it may not read.
    """
    sizes: dict[int, int] = {}
    for pid in pids:
        try:
            held = list(Path(f"/proc/{pid}/fd").iterdir())
        except PermissionError:
            return None
        except OSError:
            continue
        for each in held:
            with contextlib.suppress(OSError):
                facts = each.stat()
                if facts.st_dev == device and facts.st_nlink == 0:
                    sizes[facts.st_ino] = facts.st_blocks * _BLOCK
        with contextlib.suppress(OSError), Path(f"/proc/{pid}/maps").open(errors="replace") as lines:
            for line in lines:
                if line.rstrip("\n").endswith(_GONE):
                    span, _, _, place, inode, *_ = line.split()
                    if tuple(int(part, 16) for part in place.split(":")) == (os.major(device), os.minor(device)):
                        first, last = (int(part, 16) for part in span.split("-"))
                        sizes.setdefault(int(inode), last - first)
    return sum(sizes.values())


def _children(pid: int) -> list[int]:
    children: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            children += map(int, (task / "children").read_bytes().split())
    except OSError:
        return children
    return children
