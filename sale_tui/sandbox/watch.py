"""Counts what limits per process cannot: the memory of a whole run, and what its workspace holds."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from sale_tui.ports import StopReason
from sale_tui.sandbox.process import Running
from sale_tui.types import SandboxLimits

INTERVAL_SECONDS = 0.05
_PAGE = os.sysconf("SC_PAGE_SIZE")
_KILOBYTE = 1024


class Watch:
    """Watches one run."""

    def __init__(self, workspace: Path, limits: SandboxLimits, in_memory: tuple[str, ...] = ()) -> None:
        """``in_memory``: file systems of the sandbox that have no bound of their own; they count as memory."""
        self._workspace = workspace
        self._limits = limits
        self._in_memory = in_memory
        self._free = _free(workspace)

    async def __call__(self, running: Running) -> None:
        """Look every 50 ms until cancelled; stop the run that takes too much."""
        while True:
            await asyncio.sleep(INTERVAL_SECONDS)
            reason = self._memory(running) or await self._disk()
            if reason is not None:
                running.stop(reason)
                return

    def _memory(self, running: Running) -> StopReason | None:
        if running.init is None:
            return None
        pids = _tree(running.init)
        kept = sum(_stored(running.init, folder) for folder in self._in_memory)
        # Resident pages are cheap to read but count shared ones many times: only a reason to look closer.
        if kept + sum(map(_resident, pids)) <= self._limits.memory_bytes:
            return None
        return "memory" if kept + sum(map(_proportional, pids)) > self._limits.memory_bytes else None

    async def _disk(self) -> StopReason | None:
        space, files = _free(self._workspace)
        # The whole file system has lost this much: only a reason to count the workspace itself.
        near_space = self._free[0] - space > self._limits.disk_bytes // 2
        near_files = self._free[1] - files > self._limits.files // 2
        if not near_space and not near_files:
            return None
        used, count = await asyncio.to_thread(_usage, self._workspace, self._limits.files)
        if used > self._limits.disk_bytes:
            return "disk"
        return "files" if count > self._limits.files else None


def _free(folder: Path) -> tuple[int, int]:
    """Bytes and files that the file system has left."""
    facts = os.statvfs(folder)
    return facts.f_bavail * facts.f_frsize, facts.f_favail


def _tree(root: int) -> list[int]:
    """A process and all below it."""
    found, open_ = [], [root]
    while open_:
        pid = open_.pop()
        found.append(pid)
        open_ += _children(pid)
    return found


def _children(pid: int) -> list[int]:
    children: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            children += map(int, (task / "children").read_text("ascii").split())
    except OSError:
        return children
    return children


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _proportional(pid: int) -> int:
    """Bytes, shared pages divided among those who share them; the resident ones where that may not be read."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * _KILOBYTE
    except OSError:
        return _resident(pid)
    return 0


def _stored(pid: int, folder: str) -> int:
    """Bytes in one of the sandbox's own file systems."""
    try:
        facts = os.statvfs(f"/proc/{pid}/root{folder}")
    except OSError:
        return 0
    return (facts.f_blocks - facts.f_bfree) * facts.f_frsize


def _usage(folder: Path, most: int) -> tuple[int, int]:
    """Bytes and files below a folder; stops counting soon after ``most`` files. Never follows a link."""
    used, count, open_ = 0, 0, [os.fspath(folder)]
    while open_ and count <= most:
        try:
            with os.scandir(open_.pop()) as entries:
                for entry in entries:
                    count += 1
                    used += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        open_.append(entry.path)
        except OSError:
            continue
    return used, count
