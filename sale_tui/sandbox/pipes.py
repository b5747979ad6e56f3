"""The ends of a run's pipes on our side: output that is kept, output that is read, and the sandbox's own account."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections import deque
from collections.abc import Callable
from typing import Any, Literal, cast

import msgspec

from sale_tui.ports import Output

STATUS_BYTES = 64 * 1024
PIECE_BYTES = 64 * 1024
UNREAD_BYTES = 256 * 1024
"""Of a started process: what it has written beyond this waits in its pipes."""

StreamName = Literal["stdout", "stderr"]


class Kept(asyncio.Protocol):
    """One output stream: drained always, head and tail kept."""

    def __init__(self, kept: int, drained: int, overflow: Callable[[], None]) -> None:
        """``kept``, ``drained``: bytes; ``overflow``: called when more than ``drained`` have come."""
        self._head = bytearray()
        self._tail = bytearray()
        self._half = kept // 2
        self._drained = drained
        self._overflow = overflow
        self.total = 0
        self.closed = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        """As the event loop calls it."""
        self.total += len(data)
        free = self._half - len(self._head)
        self._head += data[:free]
        self._tail += data[max(free, 0) :]
        if len(self._tail) > 2 * self._half:
            del self._tail[: -self._half]
        if self.total > self._drained:
            self._overflow()

    def connection_lost(self, _: Exception | None) -> None:
        """As the event loop calls it."""
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


class Feed:
    """Both output streams of a started process, in pieces and in order of arrival."""

    def __init__(self, drained: int, overflow: Callable[[], None]) -> None:
        """``drained``: bytes of one stream that may come without an answer (``reset``) before ``overflow``."""
        self.drained = drained
        self.overflow = overflow
        self.streams = (_Fed("stdout", self), _Fed("stderr", self))
        self._pieces: deque[Output] = deque()
        self._unread = 0
        self._free = False
        self._news = asyncio.Event()

    async def read(self) -> Output | None:
        """The next piece; None when both streams have ended and all is read."""
        while not self._pieces:
            if all(stream.closed.is_set() for stream in self.streams):
                return None
            self._news.clear()
            await self._news.wait()
        piece = self._pieces.popleft()
        self._unread -= len(piece.data)
        if self._unread <= UNREAD_BYTES:
            self._hold(False)
        return piece

    def add(self, piece: Output) -> None:
        """A piece has come."""
        self._pieces.append(piece)
        self._unread += len(piece.data)
        self._news.set()
        if self._unread > UNREAD_BYTES and not self._free:
            self._hold(True)

    def wake(self) -> None:
        """A stream has ended."""
        self._news.set()

    def reset(self) -> None:
        """Somebody has answered: count afresh."""
        for stream in self.streams:
            stream.total = 0

    def release(self) -> None:
        """Take all that is left in the pipes, however much: nobody writes to them any more."""
        self._free = True
        self._hold(False)

    def _hold(self, hold: bool) -> None:
        for stream in self.streams:
            stream.hold(hold)


class _Fed(asyncio.Protocol):
    """One stream of a feed."""

    def __init__(self, name: StreamName, feed: Feed) -> None:
        self._name = name
        self._feed = feed
        self._transport: asyncio.ReadTransport | None = None
        self.total = 0
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.ReadTransport, transport)

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), PIECE_BYTES):
            self._feed.add(Output(self._name, data[start : start + PIECE_BYTES]))
        self.total += len(data)
        if self.total > self._feed.drained:
            self._feed.overflow()

    def connection_lost(self, _: Exception | None) -> None:
        self._transport = None
        self.closed.set()
        self._feed.wake()

    def hold(self, hold: bool) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if hold:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()


class Input(asyncio.BaseProtocol):
    """The standard input of a started process."""

    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport | None = None
        self._ready = asyncio.Event()
        self._ready.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As the event loop calls it."""
        self._transport = cast(asyncio.WriteTransport, transport)

    def pause_writing(self) -> None:
        """As the event loop calls it."""
        self._ready.clear()

    def resume_writing(self) -> None:
        """As the event loop calls it."""
        self._ready.set()

    def connection_lost(self, _: Exception | None) -> None:
        """As the event loop calls it."""
        self._transport = None
        self._ready.set()

    async def write(self, data: bytes) -> None:
        """Raises BrokenPipeError where nobody reads any more."""
        if self._transport is None or self._transport.is_closing():
            raise BrokenPipeError("the program has ended or reads no input")
        self._transport.write(data)
        await self._ready.wait()

    def close(self) -> None:
        """No more of it, once what was written is taken."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """No more of it, and what was not taken is dropped."""
        if self._transport is not None:
            self._transport.abort()


class Status(asyncio.Protocol):
    """The sandbox's own account of a run: JSON objects, one after another, on a pipe that the program has not."""

    def __init__(self) -> None:
        self._text = b""
        self.pidfd: int | None = None
        self.pid: int | None = None
        self.exit: int | None = None
        self.closed = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        """As the event loop calls it."""
        self._text = (self._text + data)[:STATUS_BYTES]
        *lines, self._text = self._text.split(b"\n")
        for line in lines:
            with contextlib.suppress(msgspec.DecodeError):
                self._read(msgspec.json.decode(line))

    def connection_lost(self, _: Exception | None) -> None:
        """As the event loop calls it."""
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
        """Let go of the inner init."""
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
