"""The one module that starts tool processes: one bubblewrap, watched until its whole tree is gone.

Status and exit code come from bubblewrap's own pipe, never from what the program prints.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import msgspec

from sale_tui.sandbox.base import Ended, Reason, SandboxLimits

GRACE_SECONDS = 0.5
"""For bubblewrap to end and the pipes to close after the inner init was killed."""
STATUS_BYTES = 64 * 1024
_UNFINISHED: set[asyncio.Task[None]] = set()
"""asyncio itself would forget a task that nobody holds."""


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """What to start."""

    bwrap: str
    arguments: tuple[str, ...]
    """Of bubblewrap, without the descriptor of its status."""
    pass_fds: tuple[int, ...]
    """Descriptors that the arguments name; the caller closes its own."""
    uid: int | None
    """Whom to become first, with the group of the same number and no other; None: stay."""


class _Output(asyncio.Protocol):
    """One output stream: drained always, head and tail kept."""

    def __init__(self, kept: int, drained: int, overflow: Callable[[], None]) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self._half = kept // 2
        self._drained = drained
        self._overflow = overflow
        self.total = 0
        self.closed = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.total += len(data)
        free = self._half - len(self._head)
        self._head += data[:free]
        self._tail += data[max(free, 0) :]
        if len(self._tail) > 2 * self._half:
            del self._tail[: -self._half]
        if self.total > self._drained:
            self._overflow()

    def connection_lost(self, _: Exception | None) -> None:
        self.closed.set()

    @property
    def lost(self) -> int:
        """Bytes that were not kept."""
        return max(self.total - 2 * self._half, 0)

    def text(self) -> str:
        """What was kept, with a line on what was not."""
        tail = bytes(self._tail[-self._half :]) if self._half else b""
        between = f"\n[... {self.lost} bytes cut ...]\n".encode() if self.lost else b""
        return (bytes(self._head) + between + tail).decode("utf-8", "replace")


class _Status(asyncio.Protocol):
    """bubblewrap's account of the run: JSON objects, one after another."""

    def __init__(self) -> None:
        self._text = b""
        self.pidfd: int | None = None
        self.pid: int | None = None
        self.exit: int | None = None
        self.closed = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self._text = (self._text + data)[:STATUS_BYTES]
        *lines, self._text = self._text.split(b"\n")
        for line in lines:
            with contextlib.suppress(msgspec.DecodeError):
                self._read(msgspec.json.decode(line))

    def connection_lost(self, _: Exception | None) -> None:
        self.closed.set()

    def kill(self) -> None:
        """End the inner init, and with it every process of the sandbox."""
        if self.pidfd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)

    async def ended(self) -> None:
        """Until the inner init, and so every process of the sandbox, is gone."""
        if self.pidfd is None:
            return
        loop, gone = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self.pidfd, gone.set)
        try:
            await gone.wait()
        finally:
            loop.remove_reader(self.pidfd)

    def close(self) -> None:
        if self.pidfd is not None:
            os.close(self.pidfd)
            self.pidfd = None

    def _read(self, fact: Any) -> None:
        if not isinstance(fact, dict):
            return
        pid, code = fact.get("child-pid"), fact.get("exit-code")
        if isinstance(pid, int) and self.pidfd is None:
            # Held by descriptor: a number could have been given to another process by the time of the kill.
            with contextlib.suppress(ProcessLookupError):
                self.pidfd, self.pid = os.pidfd_open(pid), pid
        if isinstance(code, int):
            self.exit = code


class Running:
    """A run that is under way."""

    def __init__(self, limits: SandboxLimits) -> None:
        self.reason: Reason | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._transports: list[asyncio.ReadTransport] = []
        self._status = _Status()
        self._out = _Output(limits.kept_bytes, limits.drained_bytes, lambda: self.stop("output"))
        self._err = _Output(limits.kept_bytes, limits.drained_bytes, lambda: self.stop("output"))

    @property
    def init(self) -> int | None:
        """Process id of the inner init, once bubblewrap has told it."""
        return self._status.pid

    def stop(self, reason: Reason) -> None:
        """Kill everything; the first reason counts."""
        if self._process is not None and self._process.returncode is None:
            self.reason = self.reason or reason
        self._kill()

    async def start(self, launch: Launch) -> None:
        """Raises OSError where bubblewrap cannot be started at all."""
        with contextlib.ExitStack() as ours:
            out, err, status = [await self._pipe(each, ours) for each in (self._out, self._err, self._status)]
            self._process = await asyncio.create_subprocess_exec(
                launch.bwrap,
                *("--json-status-fd", str(status)),
                *launch.arguments,
                stdin=asyncio.subprocess.DEVNULL,
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

    async def wait(self) -> None:
        """Until bubblewrap has ended; what a child of the program still holds open does not count."""
        if self._process is not None:
            await self._process.wait()

    async def bury(self) -> None:
        """Kill what is left, and return when it is gone and its last words are read."""
        self._kill()
        if not await _within(self.wait()):
            self._kill_group()
        await _within(self._status.ended())
        await _within(asyncio.gather(self._out.closed.wait(), self._err.closed.wait(), self._status.closed.wait()))
        for transport in self._transports:
            transport.close()
        self._status.close()

    def ended(self, wall_s: float) -> Ended:
        """How it went; after ``bury``."""
        return Ended(
            stdout=self._out.text(),
            stderr=self._err.text(),
            exit=self._status.exit if self.reason is None else None,
            reason=self.reason,
            truncated=self._out.lost + self._err.lost,
            wall_s=wall_s,
        )

    async def _pipe(self, protocol: asyncio.Protocol, ours: contextlib.ExitStack) -> int:
        """The writing end of a pipe that the protocol reads; closed on our side when ``ours`` closes."""
        read, write = os.pipe()
        ours.callback(os.close, write)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: protocol, os.fdopen(read, "rb", buffering=0))
        self._transports.append(transport)
        return write

    def _kill(self) -> None:
        self._status.kill()
        if self._status.pidfd is None:
            self._kill_group()

    def _kill_group(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)


async def run_process(
    launch: Launch, limits: SandboxLimits, timeout_seconds: float, watch: Callable[[Running], Awaitable[None]]
) -> Ended:
    """Run to the end; ``watch`` goes on beside it. Cancelling kills the whole tree.

    Raises OSError where bubblewrap cannot be started at all.
    """
    began = time.monotonic()
    running = Running(limits)
    watcher: asyncio.Future[None] | None = None
    try:
        await _whole(running.start(launch))
        watcher = asyncio.ensure_future(watch(running))
        if not await _within(running.wait(), timeout_seconds):
            running.stop("timeout")
    finally:
        if watcher is not None:
            watcher.cancel()
        await _whole(running.bury())
        if watcher is not None:
            await asyncio.gather(watcher, return_exceptions=True)
    return running.ended(time.monotonic() - began)


async def _whole(work: Coroutine[None, None, None]) -> None:
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
