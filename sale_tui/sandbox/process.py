"""The one module that starts tool processes: one launcher, watched until its whole tree is gone.

Status and exit code come from the launcher's own pipe, never from what the program prints.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import msgspec

from sale_tui.ports import ExecResult, Output, StopReason
from sale_tui.sandbox.pipes import Feed, Input, Kept, Status
from sale_tui.types import SandboxLimits, SandboxTier

GRACE_SECONDS = 0.5
"""For the launcher to end and the pipes to close after the inner init was killed."""
KEEPER_SECONDS = 5.0
"""For a launcher that ends the processes itself, one by one, however busy the machine is."""
_UNFINISHED: set[asyncio.Task[Any]] = set()
"""asyncio itself would forget a task that nobody holds."""
_SIGNALS = range(129, 129 + 64)
"""Statuses that stand for a signal, as in every shell."""
_BY_KERNEL: dict[int, StopReason] = {signal.SIGSYS: "policy", signal.SIGXFSZ: "disk", signal.SIGXCPU: "timeout"}
"""Signals by which the kernel ends what goes beyond a bound that the sandbox has set it."""


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """What to start."""

    program: tuple[str, ...]
    """What sets up the sandbox; told where to report by ``--json-status-fd``, its first option."""
    arguments: tuple[str, ...]
    """Its further ones."""
    pass_fds: tuple[int, ...]
    """Descriptors that the arguments name; the caller closes its own."""
    uid: int | None
    """Whom to become first, with the group of the same number and no other; None: stay."""
    stdin: int | None = asyncio.subprocess.DEVNULL
    """Descriptor of the input; None: a pipe, which ``Running.input`` writes to."""
    keeper: bool = False
    """Whether the launcher itself, told by SIGTERM, ends all that it has started: no inner init does it."""
    pipe_bytes: int = 0
    """What the pipes of its output should hold, where the system allows it; 0: what they hold anyway."""


Watcher = Callable[["Running"], Awaitable[None]]
"""Goes on beside a run and stops it where it takes too much."""


class Running:
    """A run that is under way: begun by ``begin``, ended by ``finish``."""

    def __init__(self, limits: SandboxLimits, tier: SandboxTier, talks: bool) -> None:
        """``talks``: its output is read from ``feed`` as it comes, and it can be written to through ``input``."""
        self.reason: StopReason | None = None
        self.limits = limits
        self.input = Input()
        self.feed = Feed(limits.drained_bytes, lambda: self.stop("output"))
        self._tier = tier
        self._talks = talks
        self._began = time.monotonic()
        self._stopped = False
        self._keeper = False
        self._process: asyncio.subprocess.Process | None = None
        self._transports: list[asyncio.BaseTransport] = []
        self._status = Status()
        self._kept = [Kept(limits.kept_bytes, limits.drained_bytes, lambda: self.stop("output")) for _ in range(2)]

    @property
    def init(self) -> int | None:
        """Process id of what all others of the run descend from, once that is known."""
        if self._keeper:
            return None if self._process is None else self._process.pid
        return self._status.pid

    def stop(self, reason: StopReason | None) -> None:
        """Kill everything; the first reason counts."""
        if self._process is not None and self._process.returncode is None and not self._stopped:
            self._stopped = True
            self.reason = reason
        self._kill()

    async def begin(self, launch: Launch) -> None:
        """Start it whole or, where the caller is cancelled meanwhile, not at all. Raises OSError."""
        try:
            await whole(self._start(launch))
        except BaseException:
            await whole(self._bury())
            raise

    async def finish(
        self, watch: Watcher, timeout_seconds: float, pieces: AsyncIterator[bytes] | None = None
    ) -> ExecResult:
        """Wait for its end, or bring it about; ``watch`` goes on beside it. Cancelling kills the whole tree.

        ``pieces``: what to write to it meanwhile.
        """
        self.limits = msgspec.structs.replace(self.limits, seconds=timeout_seconds)
        beside = [asyncio.ensure_future(watch(self))]
        if pieces is not None:
            beside.append(asyncio.ensure_future(self._pass_on(pieces)))
        try:
            if not await _within(self._wait(), timeout_seconds):
                self.stop("timeout")
        except asyncio.CancelledError:
            self.stop(None)
            raise
        finally:
            for task in beside:
                task.cancel()
            await whole(self._bury())
            await asyncio.gather(*beside, return_exceptions=True)
        return self._result()

    async def _pass_on(self, pieces: AsyncIterator[bytes]) -> None:
        with contextlib.suppress(BrokenPipeError):
            async for piece in pieces:
                await self.input.write(piece)
        self.input.close()

    async def _start(self, launch: Launch) -> None:
        with contextlib.ExitStack() as ours:
            protocols = self.feed.streams if self._talks else self._kept
            out, err, status = [await self._reads(each, ours, launch.pipe_bytes) for each in (*protocols, self._status)]
            stdin = await self._writes(ours) if launch.stdin is None else launch.stdin
            self._keeper = launch.keeper
            self._process = await asyncio.create_subprocess_exec(
                *launch.program,
                *("--json-status-fd", str(status)),
                *launch.arguments,
                stdin=stdin,
                stdout=out,
                stderr=err,
                pass_fds=(*launch.pass_fds, status),
                env={},
                cwd="/",
                start_new_session=True,
                user=launch.uid,
                group=launch.uid,
                extra_groups=None if launch.uid is None else [],
            )

    async def _wait(self) -> None:
        """Until the launcher has ended; what a child of the program still holds open does not count."""
        if self._process is not None:
            await self._process.wait()

    async def _bury(self) -> None:
        """Kill what is left, and return when it is gone and its last words are read."""
        self._kill()
        if not await _within(self._wait(), KEEPER_SECONDS if self._keeper else GRACE_SECONDS):
            self._kill_group()
            await _within(self._wait())
        await _within(self._status.ended())
        self.input.abort()
        self.feed.release()
        if self._process is not None:
            streams = self.feed.streams if self._talks else self._kept
            await _within(asyncio.gather(*(each.closed.wait() for each in (*streams, self._status))))
        for transport in self._transports:
            transport.close()
        self._status.close()

    def _by_kernel(self, fault: int) -> StopReason | None:
        """Why the kernel has ended it, if it has: a program may also exit with a status that looks like a signal."""
        computed = (time.monotonic() - self._began) * (os.cpu_count() or 1)
        return None if fault == signal.SIGXCPU and computed < self.limits.seconds else _BY_KERNEL.get(fault)

    def _result(self) -> ExecResult:
        exit_status = None if self._stopped else self._status.exit
        fault = exit_status - 128 if exit_status is not None and exit_status in _SIGNALS else None
        reason = self.reason
        if exit_status is None and not self._stopped:
            reason = "crash"
        elif fault is not None:
            reason = reason or self._by_kernel(fault)
        return ExecResult(
            stdout=self._kept[0].text(),
            stderr=self._kept[1].text(),
            exit=exit_status,
            signal=int(signal.SIGKILL) if self._stopped else fault,
            reason=reason,
            tier=self._tier,
            limits=self.limits,
            truncated=sum(each.lost for each in self._kept),
            wall_s=time.monotonic() - self._began,
        )

    async def _reads(self, protocol: asyncio.Protocol, ours: contextlib.ExitStack, size: int) -> int:
        """The writing end of a pipe that the protocol reads; closed on our side when ``ours`` closes."""
        read, write = os.pipe()
        ours.callback(os.close, write)
        if size and sys.platform == "linux":
            with contextlib.suppress(OSError):
                fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, size)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: protocol, os.fdopen(read, "rb", buffering=0))
        self._transports.append(transport)
        return write

    async def _writes(self, ours: contextlib.ExitStack) -> int:
        """The reading end of the input's pipe; a pipe, because a socket could carry descriptors."""
        read, write = os.pipe()
        ours.callback(os.close, read)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_write_pipe(lambda: self.input, os.fdopen(write, "wb", buffering=0))
        self._transports.append(transport)
        return read

    def _kill(self) -> None:
        if self._keeper:
            if self._process is not None and self._process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    self._process.terminate()
            return
        self._status.kill()
        if self._status.pidfd is None:
            self._kill_group()

    def _kill_group(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)


class Started:
    """A program to talk to: ``ports.SandboxedProcess``."""

    def __init__(self, running: Running, end: Coroutine[Any, Any, ExecResult]) -> None:
        """``end``: waits for its end and cleans up after it."""
        self._running = running
        self._end = asyncio.create_task(end)
        _UNFINISHED.add(self._end)
        self._end.add_done_callback(_UNFINISHED.discard)

    async def write(self, data: bytes) -> None:
        """To its standard input. Raises BrokenPipeError."""
        self._running.feed.reset()
        await self._running.input.write(data)

    async def close_input(self) -> None:
        """End of its standard input."""
        self._running.input.close()

    async def read(self) -> Output | None:
        """The next piece of its output, None at its end."""
        return await self._running.feed.read()

    async def wait(self) -> ExecResult:
        """Until nothing of it is left. Cancelling kills it."""
        try:
            return await asyncio.shield(self._end)
        except asyncio.CancelledError:
            await whole(self._killed(None))
            raise

    async def kill(self, reason: StopReason | None = None) -> ExecResult:
        """End its whole tree now."""
        self._running.stop(reason)
        return await self.wait()

    async def _killed(self, reason: StopReason | None) -> None:
        self._running.stop(reason)
        await asyncio.wait({self._end})


async def whole(work: Coroutine[None, None, None]) -> None:
    """Do it to its end, even where the caller is cancelled meanwhile: half a start could not be killed."""
    task = asyncio.create_task(work)
    _UNFINISHED.add(task)
    task.add_done_callback(_UNFINISHED.discard)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


async def _within(work: Awaitable[object], seconds: float = GRACE_SECONDS) -> bool:
    """Whether it was done in time."""
    try:
        async with asyncio.timeout(seconds):
            await work
    except TimeoutError:
        return False
    return True
