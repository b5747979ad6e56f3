from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest


@dataclass
class Asked:
    """One request as the server got it."""

    line: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[[Asked], Awaitable[bytes] | bytes]


def answer(value: object, status: str = "200 OK", headers: str = "", raw: bytes | None = None) -> bytes:
    """An HTTP answer with a JSON body."""
    body = json.dumps(value).encode() if raw is None else raw
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}Connection: close\r\n\r\n".encode() + body


@dataclass
class Server:
    """A search service on loopback, of the tests' own."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    """One a request; the last one goes on."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            asked = Asked(head[0], headers, body)
            self.asked.append(asked)
            reply = self.answers[min(len(self.asked), len(self.answers)) - 1](asked)
            writer.write(reply if isinstance(reply, bytes) else await reply)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    own = Server()
    listening = await asyncio.start_server(own.serve, "127.0.0.1", 0)
    own.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    async with listening:
        yield own
