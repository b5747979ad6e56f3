"""Counts what limits per process cannot: memory and tasks of a whole run, and by how much its workspace grows."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from sale_tui.ports import StopReason
from sale_tui.sandbox import census
from sale_tui.sandbox.census import Usage
from sale_tui.sandbox.process import Running
from sale_tui.types import SandboxLimits

INTERVAL_SECONDS = 0.02
GLANCE_SECONDS = 0.01
LONGEST_SECONDS = 0.1
"""Between two looks, where looking itself takes long."""
LEAST_AVAILABLE = 1 << 30
"""Bytes of memory that the machine keeps: a run that takes it below, by more than its own limit, is stopped."""
COUNT_SECONDS = 0.25
"""Between two counts of a workspace that is small: what its file system has left may be what others have freed."""
_MOST_FILES = 200_000
"""Files of a workspace that are counted before a run; one with more is judged by what its file system loses."""


class Watch:
    """Watches one run."""

    def __init__(
        self, workspace: Path, limits: SandboxLimits, in_memory: tuple[str, ...] = (), scratch: Path | None = None
    ) -> None:
        """``in_memory``: file systems of the sandbox that have no bound of their own; they count as memory.

        ``scratch``: a folder of temporary files that has no bound of its own.
        """
        self._scratch = scratch
        self._workspace = workspace
        self._limits = limits
        self._in_memory = in_memory
        self._device = workspace.stat().st_dev
        self._free = census.free(workspace)
        self._available = census.available()
        self._before = Usage(0, 0, whole=False)
        self._threads = census.threads()
        self._due = 0.0

    def prepare(self) -> None:
        """Count what the workspace holds before the run."""
        self._before = census.usage(self._workspace, _MOST_FILES)

    async def __call__(self, running: Running) -> None:
        """Look until cancelled; stop the run that takes too much."""
        while True:
            began = time.monotonic()
            pids = census.tree(running.init) if running.init is not None else []
            reason = self._tasks(pids) or self._memory(pids) or await self._disk(pids)
            if reason is not None:
                running.stop(reason)
                return
            now = time.monotonic()
            reason = await self._wait(now + min(max(INTERVAL_SECONDS, 3 * (now - began)), LONGEST_SECONDS), running)
            if reason is not None:
                running.stop(reason)
                return

    async def _wait(self, until: float, running: Running) -> StopReason | None:
        """Until the next look; where the machine has many more threads than before, at those at once."""
        while time.monotonic() < until:
            await asyncio.sleep(GLANCE_SECONDS)
            if running.init is not None and census.threads() - self._threads > self._limits.tasks // 2:
                reason = self._tasks(census.tree(running.init))
                if reason is not None:
                    return reason
        return None

    def _tasks(self, pids: list[int]) -> StopReason | None:
        # The first is the sandbox's own init.
        return "tasks" if sum(map(census.tasks, pids[1:])) > self._limits.tasks else None

    def _memory(self, pids: list[int]) -> StopReason | None:
        if not pids:
            return None
        kept = sum(census.stored(pids[0], folder) for folder in self._in_memory)
        left = census.available()
        if left < LEAST_AVAILABLE and self._available - left > self._limits.memory_bytes:
            # Buffers of pipes and sockets belong to no process; nor may others take our share for the run's.
            return "memory"
        # Resident pages are cheap to read but count shared ones many times: only a reason to look closer.
        if kept + sum(map(census.resident, pids)) <= self._limits.memory_bytes:
            return None
        return "memory" if kept + sum(map(census.proportional, pids)) > self._limits.memory_bytes else None

    async def _disk(self, pids: list[int]) -> StopReason | None:
        space, files = census.free(self._workspace)
        lost = self._free[0] - space
        # The whole file system has lost this much: a reason to count the workspace itself at once.
        near_space = lost > self._limits.disk_bytes // 2
        near_files = files >= 0 and self._free[1] - files > self._limits.files // 2
        began = time.monotonic()
        if not near_space and not near_files and began < self._due:
            return None
        try:
            return await self._count(pids, lost, self._free[1] - files if files >= 0 else 0)
        finally:
            now = time.monotonic()
            self._due = now + max(COUNT_SECONDS, 20 * (now - began))

    async def _count(self, pids: list[int], lost: int, lost_files: int) -> StopReason | None:
        if self._scratch is not None:
            beside = await asyncio.to_thread(census.usage, self._scratch, self._limits.files)
            if beside.bytes > self._limits.scratch_bytes:
                return "disk"
            if not beside.whole and (reason := self._by_loss(lost, lost_files)):
                return reason
        if not self._before.whole:
            return self._by_loss(lost, lost_files)
        now = await asyncio.to_thread(census.usage, self._workspace, self._before.files + self._limits.files)
        if now.files - self._before.files > self._limits.files:
            return "files"
        grown = now.bytes - self._before.bytes
        if grown > self._limits.disk_bytes:
            return "disk"
        if not now.whole:
            # Part of it is hidden from us: nothing is gained by that.
            return self._by_loss(lost, lost_files)
        held = await asyncio.to_thread(census.unnamed, pids, self._device)
        if held is None:
            return self._by_loss(lost, lost_files)
        return "disk" if grown + held > self._limits.disk_bytes else None

    def _by_loss(self, lost: int, lost_files: int) -> StopReason | None:
        if lost > self._limits.disk_bytes:
            return "disk"
        return "files" if lost_files > self._limits.files else None
