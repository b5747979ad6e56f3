"""One run's Python: a process in the sandbox that keeps its variables from call to call.

What ends it (a crash, a limit, the program itself) ends this process alone: the next call starts another.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from importlib import resources
from pathlib import Path

import msgspec

from sale_tui.ports import ExecRequest, ExecResult, Sandbox, SandboxedProcess
from sale_tui.types import SandboxLimits, SandboxTier

LIFE_SECONDS = 7 * 24 * 3600.0
"""Longest life of one process; each call has a limit of its own."""
DRIVER = "session.py"


class PythonSession:
    """One run's session. Calls wait for each other."""

    def __init__(self, sandbox: Sandbox, workspace: Path) -> None:
        self._sandbox = sandbox
        self._workspace = workspace
        self._process: SandboxedProcess | None = None
        self._calling = asyncio.Lock()
        self._calls = 0

    @property
    def calls(self) -> int:
        """Calls that the present process has answered; their variables are there."""
        return self._calls

    async def run(self, code: str, seconds: float) -> ExecResult:
        """Run a program after the ones before it. Raises NoSandbox; cancelling it ends the process."""
        async with self._calling:
            try:
                return await self._run(code, seconds)
            except BaseException:
                await self._end()
                raise

    async def restart(self) -> None:
        """Forget all variables."""
        async with self._calling:
            await self._end()

    async def close(self) -> None:
        """End the process; safe to call twice."""
        await self._end()

    async def _run(self, code: str, seconds: float) -> ExecResult:
        process = self._process = self._process or await self._start()
        began, mark = time.monotonic(), secrets.token_hex(16)
        limits = msgspec.structs.replace(self._sandbox.limits, seconds=seconds)
        reply = _Reply(mark.encode(), self._sandbox.tier, limits)
        stopped = False
        try:
            async with asyncio.timeout(seconds):
                request = {"code": code.encode("utf-8", "replace").decode(), "mark": mark}
                whole = await _ask(process, msgspec.json.encode(request) + b"\n", reply)
        except TimeoutError:
            stopped, whole = True, False
        if whole:
            self._calls += 1
            return reply.result(reply.status, time.monotonic() - began)
        self._process, self._calls = None, 0
        end = await (process.kill("timeout") if stopped else process.wait())
        return reply.result(end.exit, time.monotonic() - began, end)

    async def _start(self) -> SandboxedProcess:
        driver = (resources.files("sale_tui.agent.tools") / "python_driver.py").read_bytes()
        return await self._sandbox.start(
            ExecRequest(
                argv=("python3", "-B", f"/run/{DRIVER}"),
                workspace=self._workspace,
                timeout_seconds=LIFE_SECONDS,
                files={DRIVER: driver},
            )
        )

    async def _end(self) -> None:
        process, self._process, self._calls = self._process, None, 0
        if process is not None:
            await process.kill()


async def _ask(process: SandboxedProcess, request: bytes, reply: _Reply) -> bool:
    """Send a request and read until both streams have told its end; False where the process ended before."""
    try:
        await process.write(request)
    except BrokenPipeError:
        return False
    while not reply.whole:
        piece = await process.read()
        if piece is None:
            return False
        reply.add(piece.stream, piece.data)
    return True


class _Stream:
    """What one stream of one call has brought, up to the mark: head and tail kept."""

    def __init__(self, mark: bytes, most: int) -> None:
        """``most``: bytes that are kept."""
        # The mark must fit whole into what is still looked at.
        self._most = max(most, 1024)
        self._end = b"\0" + mark + b" "
        self._data = bytearray()
        self._lost = 0
        self.after: bytes | None = None
        """What follows the mark, once the whole line is there."""

    @property
    def lost(self) -> int:
        """Bytes that were not kept."""
        return self._lost

    def add(self, data: bytes) -> None:
        if self.after is not None:
            return
        self._data += data
        # The mark may lie across two pieces, and is always within the last ones.
        place = self._data.rfind(self._end)
        if place >= 0 and (line := self._data.find(b"\n", place)) >= 0:
            self.after = bytes(self._data[place + len(self._end) : line])
            del self._data[place:]
        surplus = len(self._data) - 2 * self._most
        if surplus > 0:
            half = self._most // 2
            del self._data[half : half + surplus]
            self._lost += surplus

    def text(self) -> str:
        half = self._most // 2
        surplus = len(self._data) - self._most
        if surplus > 0:
            del self._data[half : half + surplus]
            self._lost += surplus
        if self._lost:
            self._data[half:half] = f"\n[... {self._lost} bytes cut ...]\n".encode()
        return self._data.decode("utf-8", "replace")


class _Reply:
    """Both streams of one call."""

    def __init__(self, mark: bytes, tier: SandboxTier, limits: SandboxLimits) -> None:
        self._tier, self._limits = tier, limits
        self._streams = {name: _Stream(mark, limits.kept_bytes) for name in ("stdout", "stderr")}

    @property
    def whole(self) -> bool:
        """Whether both have told the end."""
        return all(stream.after is not None for stream in self._streams.values())

    @property
    def status(self) -> int:
        """What the driver says of the program's end: no more than a word to the model."""
        after = self._streams["stdout"].after or b""
        return int(after) if after.isdigit() else 1

    def add(self, stream: str, data: bytes) -> None:
        self._streams[stream].add(data)

    def result(self, status: int | None, seconds: float, end: ExecResult | None = None) -> ExecResult:
        """The call's result; ``end``: how the process ended, where it did."""
        out, err = (self._streams[name].text() for name in ("stdout", "stderr"))
        return ExecResult(
            stdout=out,
            stderr=err,
            exit=status,
            signal=end.signal if end else None,
            reason=end.reason if end else None,
            tier=self._tier,
            limits=self._limits,
            truncated=sum(stream.lost for stream in self._streams.values()),
            wall_s=seconds,
        )
