"""A server inside the sandbox, spoken to over its standard streams, a message a line."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

from sale_tui.ports import ExecRequest, Sandbox, SandboxedProcess

if TYPE_CHECKING:
    from mcp.client._transport import TransportStreams
    from mcp.shared.message import SessionMessage

LINE_BYTES = 4 * 1024 * 1024
"""Longest message of a server; one that writes a longer one is ended."""
COMPLAINT_BYTES = 2000


class Complaint:
    """The end of what a server has written to stderr."""

    def __init__(self) -> None:
        self._tail = b""

    def add(self, data: bytes) -> None:
        """It wrote this."""
        self._tail = (self._tail + data)[-COMPLAINT_BYTES:]

    @property
    def last(self) -> str:
        """The last line that says anything."""
        lines = [line for line in self._tail.decode("utf-8", "replace").splitlines() if line.strip()]
        return lines[-1] if lines else ""


@asynccontextmanager
async def sandboxed(
    sandbox: Sandbox, request: ExecRequest, complaint: Complaint
) -> AsyncGenerator[TransportStreams, None]:
    """A transport for ``mcp.Client``. The server ends with it. Raises NoSandbox."""
    process = await sandbox.start(request)
    to_session, from_server = anyio.create_memory_object_stream["SessionMessage | Exception"](0)
    to_server, from_session = anyio.create_memory_object_stream["SessionMessage"](0)

    async def read() -> None:
        async with to_session:
            async for line in _lines(process, complaint):
                try:
                    await to_session.send(_message(line))
                except (anyio.ClosedResourceError, anyio.BrokenResourceError):
                    return

    async def write() -> None:
        try:
            async with from_session:
                async for message in from_session:
                    said = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                    await process.write(said.encode() + b"\n")
        except (BrokenPipeError, ConnectionError):
            # The session must see the end instead of waiting for an answer.
            await to_session.aclose()

    try:
        async with anyio.create_task_group() as group:
            group.start_soon(read)
            group.start_soon(write)
            try:
                yield from_server, to_server
            finally:
                group.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await process.kill()
        for stream in (to_session, from_server, to_server, from_session):
            stream.close()


async def _lines(process: SandboxedProcess, complaint: Complaint) -> AsyncGenerator[bytes, None]:
    rest = b""
    while (piece := await process.read()) is not None:
        if piece.stream == "stderr":
            complaint.add(piece.data)
            continue
        *lines, rest = (rest + piece.data).split(b"\n")
        if len(rest) > LINE_BYTES:
            complaint.add(f"\na message of more than {LINE_BYTES} bytes".encode())
            await process.kill("output")
            return
        for line in lines:
            if line.strip():
                yield line


def _message(line: bytes) -> SessionMessage | Exception:
    from mcp.shared.message import SessionMessage
    from mcp.types import jsonrpc_message_adapter

    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError as error:
        return error
