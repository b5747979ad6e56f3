"""Starts the servers that the user has listed and speaks to them. A server that fails is one clear line."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import os
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from sale_tui.agent.mcp.pipe import Complaint, sandboxed
from sale_tui.agent.mcp.texts import MAX_TOOLS, spec_of
from sale_tui.errors import ConfigurationFault, SaleError
from sale_tui.literal import literal_line
from sale_tui.ports import ExecRequest, Sandbox
from sale_tui.streams import in_words
from sale_tui.types import McpServer, ToolSpec

if TYPE_CHECKING:
    from mcp import Client
    from mcp.client._transport import Transport

INSTALL = "type: pip install 'sale-tui[mcp]'"
OPENING_SECONDS = 15.0
CLOSING_SECONDS = 5.0
LIFE_SECONDS = 7 * 86_400.0
PAGES = 10
"""Most pages of a server's list of tools."""
REASON_CHARACTERS = 200
_ENDS = {"Connection closed", "Session terminated"}
"""What the library says of a server that is gone, or has forgotten us."""


class ServerFault(SaleError):
    """A server did not start, did not answer, or has ended."""

    kind = "mcp"


def installed() -> bool:
    """Whether the extra ``mcp`` is there."""
    return importlib.util.find_spec("mcp") is not None


def quieten() -> None:
    """The library tells of strange messages by logging, which would be written over the app."""
    logger = logging.getLogger("mcp")
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())


class Server:
    """One server. All of its life is in one task, as the library's cancel scopes ask for."""

    def __init__(self, name: str, config: McpServer, sandbox: Sandbox, folder: Path) -> None:
        """``folder``: a folder of its own that a sandboxed server starts in."""
        self.name = name
        self.config = config
        self.specs: dict[str, ToolSpec] = {}
        """By the server's own names; filled by ``open``."""
        self.left_out: list[str] = []
        """Why some of its tools are not offered."""
        self._sandbox = sandbox
        self._folder = folder
        self._complaint = Complaint()
        self._client: Client | None = None
        self._life: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._closing = asyncio.Event()
        self._ended = ""
        self._reviving = asyncio.Lock()
        self._listed = self._revived = self._closed = False

    @property
    def inside(self) -> bool:
        """Whether it runs in the sandbox, which has no network: nothing leaves with a call."""
        return bool(self.config.command) and not self.config.trusted

    async def open(self, seconds: float = OPENING_SECONDS) -> None:
        """Start it and ask for its tools. Raises ServerFault; nothing of it is left then."""
        self._ready, self._closing = asyncio.Event(), asyncio.Event()
        self._complaint, self._ended = Complaint(), ""
        self._life = asyncio.create_task(self._live())
        try:
            async with asyncio.timeout(seconds):
                await self._ready.wait()
        except TimeoutError:
            await self._end()
            self._ended = f"it did not answer within {seconds:g} s"
            raise self._fault(self._ended) from None
        if self._client is None:
            raise self._fault(self._ended)

    async def call(self, tool: str, arguments: Mapping[str, object], tell: Callable[[str], None]) -> Any:
        """What a tool answers, a ``CallToolResult``. Raises ServerFault.

        A server that had ended before is started again first, once in its life; one with an address is only connected
        to, as often as need be. ``tell`` takes what the user should know of that. No call is ever made twice.
        """
        from mcp import MCPError
        from mcp.types import CallToolRequest, CallToolRequestParams, CallToolResult

        client = self._client or await self._revive(tell)
        request = CallToolRequest(params=CallToolRequestParams(name=tool, arguments=dict(arguments)))
        try:
            async with asyncio.timeout(self.config.seconds):
                # Not ``call_tool``: that would check the answer against a pattern of the server's own choosing.
                return await client.session.send_request(request, CallToolResult)
        except TimeoutError:
            raise self._fault(f"no answer within {self.config.seconds:g} s") from None
        except MCPError as error:
            if error.message not in _ENDS:
                raise self._fault(error.message) from None
            self._ended = "it has ended"
            await self._end()
            again = " and is not started a second time" if self._gone else "; the next call begins it anew"
            raise self._fault(self._ended, again) from None
        except Exception as error:
            raise self._fault(in_words(error)) from error

    async def close(self) -> None:
        """End it for good; safe to call twice."""
        self._closed = True
        await self._end()

    @property
    def _gone(self) -> bool:
        """Whether it is not begun again once it has ended."""
        return self._closed or (self._revived and bool(self.config.command))

    async def _revive(self, tell: Callable[[str], None]) -> Client:
        async with self._reviving:
            if self._client is None:
                if self._gone:
                    raise self._fault(self._ended or "it has ended")
                self._revived = True
                how = "It is started again." if self.config.command else "It is connected to again."
                tell(f"MCP server {self.name} has ended. {how}")
                try:
                    await self.open()
                except asyncio.CancelledError:
                    # Nobody waits for it any more; the next call may try.
                    await self._end()
                    self._revived = False
                    raise
            if self._client is None:
                raise self._fault(self._ended)
            return self._client

    async def _end(self) -> None:
        self._closing.set()
        if self._life is None:
            return
        # One that has not spoken yet has nothing to be told.
        patience = CLOSING_SECONDS if self._client is not None else 0.0
        done, _ = await asyncio.wait({self._life}, timeout=patience)
        if not done:
            self._life.cancel()
            await asyncio.wait({self._life}, timeout=CLOSING_SECONDS)

    async def _live(self) -> None:
        from mcp import Client

        # Its stderr would be written over the app.
        with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: ASYNC230, PTH123 - there is nothing to wait for
            try:
                async with Client(self._transport(nowhere), cache=None) as client:
                    if not self._listed:
                        # Once: what it offers must not become something else behind the user's back.
                        await self._list(client)
                        self._listed = True
                    self._client = client
                    self._ready.set()
                    await self._closing.wait()
            except Exception as error:  # noqa: BLE001 - whatever befalls a server is its end, and no more
                while isinstance(error, ExceptionGroup):
                    error = error.exceptions[0]  # noqa: PLW2901 - the first of them says it
                self._ended = self._ended or in_words(error)
            finally:
                self._client = None
                self._ready.set()

    def _transport(self, nowhere: TextIO) -> str | Transport | AbstractAsyncContextManager[Any]:
        from mcp.client.stdio import StdioServerParameters, stdio_client

        if self.config.url:
            return self.config.url
        environment = {name: os.environ[name] for name in self.config.env if name in os.environ}
        if self.config.trusted:
            parameters = StdioServerParameters(
                command=self.config.command,
                args=list(self.config.args),
                env=environment,
                cwd=self._folder,
                encoding_error_handler="replace",
            )
            return stdio_client(parameters, errlog=nowhere)
        request = ExecRequest(
            argv=(self.config.command, *self.config.args),
            workspace=self._folder,
            timeout_seconds=LIFE_SECONDS,
            environment=environment,
            readable=tuple(Path(folder).expanduser() for folder in self.config.readable),
        )
        return sandboxed(self._sandbox, request, self._complaint)

    async def _list(self, client: Client) -> None:
        from mcp.types import PaginatedRequestParams

        cursor: str | None = None
        for _ in range(PAGES):
            page = await client.session.list_tools(params=PaginatedRequestParams(cursor=cursor))
            for tool in page.tools:
                self._take(tool.name, tool.description or "", tool.input_schema)
            cursor = page.next_cursor
            if cursor is None:
                return

    def _take(self, name: str, description: str, schema: object) -> None:
        try:
            spec = spec_of(self.name, name, description, schema)
        except (ValueError, RecursionError) as error:
            self.left_out.append(literal_line(str(error), REASON_CHARACTERS))
            return
        if len(self.specs) >= MAX_TOOLS or name in self.specs:
            self.left_out.append(f"{name}: more than {MAX_TOOLS} tools, or two of that name")
            return
        self.specs[name] = spec

    def _fault(self, reason: str, more: str = "") -> ServerFault:
        # What one has written that still lives was about something else.
        last = self._complaint.last if self._client is None else ""
        said = f"{reason}{more}; its last words: {last}" if last else f"{reason}{more}"
        return ServerFault(
            f"MCP server {self.name}: {literal_line(said, REASON_CHARACTERS)}", f"check [mcp.{self.name}] in settings"
        )


async def open_servers(
    configs: Mapping[str, McpServer], sandbox: Sandbox, base: Path
) -> tuple[tuple[Server, ...], tuple[str, ...]]:
    """The servers that answer, and what a user should know of the others. ``base``: where their folders are made.

    Raises nothing for a server that fails: the rest works without it.
    """
    if not configs:
        return (), ()
    if not installed():
        return (), (f"MCP servers are listed, but what speaks to them is not installed; {INSTALL}",)
    quieten()
    servers = [Server(name, config, sandbox, base / f"mcp-{name}-{os.getpid()}") for name, config in configs.items()]
    told: list[str] = []
    opened: list[Server] = []
    for server, fault in zip(servers, await asyncio.gather(*map(_opened, servers)), strict=True):
        if fault is None:
            opened.append(server)
        else:
            told.append(fault)
        if server.left_out:
            told.append(f"MCP server {server.name}: not offered: {'; '.join(server.left_out[:3])}")
    return tuple(opened), tuple(told)


async def _opened(server: Server) -> str | None:
    """None where it answers, else why it does not."""
    if server.inside and server._sandbox.tier == "none":  # noqa: SLF001 - of this module
        return f"MCP server {server.name}: there is no sandbox for it; only a trusted one would start"
    try:
        with suppress(FileExistsError):
            server._folder.mkdir(mode=0o700, parents=True)  # noqa: SLF001 - of this module
        await server.open()
    except (SaleError, OSError, ValueError) as fault:
        return in_words(fault)
    return None


def check_servers(configs: Mapping[str, McpServer]) -> None:
    """Raises ConfigurationFault where a server is described by neither or both of a command and a URL."""
    for name, config in configs.items():
        if bool(config.command) == bool(config.url):
            raise ConfigurationFault(f"mcp.{name}: give either a command or a url", "see `docs/cli.md`")
        if config.url and not config.url.startswith(("http://", "https://")):
            raise ConfigurationFault(f"mcp.{name}.url: only http and https are known", "see `docs/cli.md`")
