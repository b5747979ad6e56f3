"""The one place that wires implementations to ports."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sale_tui.auction.scoring import scored_weights
from sale_tui.auction.validation import check_weights
from sale_tui.clock import SystemClock
from sale_tui.errors import ConfigurationFault, NoSandbox
from sale_tui.inference.catalogue import load_pool
from sale_tui.paths import Folders, given_path, is_folder, make_private, resolve_pool, user_folders
from sale_tui.settings import Settings, load_settings
from sale_tui.types import AuctionRecord, Limits, Pool

if TYPE_CHECKING:
    from sale_tui.agent.approval_store import ApprovalStore
    from sale_tui.agent.mcp.servers import Server
    from sale_tui.agent.tools.base import Tool
    from sale_tui.agent.tools.shelf import Bookshelf
    from sale_tui.headless.doctor import Check, Examination
    from sale_tui.memory.embedder import SentenceEmbedder
    from sale_tui.memory.service import MemoryService
    from sale_tui.memory.store import AuctionStore
    from sale_tui.ports import ChatModel, Embedder, Sandbox
    from sale_tui.sandbox.check import Verdict
    from sale_tui.sandbox.detect import Wanted
    from sale_tui.session.runner import Session
    from sale_tui.sources import Documents, TextExtractor, WebReader, WebSearch
    from sale_tui.web.engines import Engine

KIND_EXAMPLES = "kinds.jsonl"
"""A pool's own labelled examples, beside its pool file."""
PARTS = ("sale_tui.memory.service", "sale_tui.session.runner", "sale_tui.inference.pool", "sale_tui.sandbox.detect")


def open_pool(settings: Settings, folders: Folders | None = None) -> Pool:
    """The pool that the settings mean, whose rules can be scored. Raises ConfigurationFault."""
    pool = load_pool(resolve_pool(settings.pool, folders or user_folders()))
    if settings.thrift is not None:
        pool = msgspec.structs.replace(pool, rules=msgspec.structs.replace(pool.rules, thrift=settings.thrift))
    check_weights(pool.rules.weights, pool.rules.scales)
    scored_weights(pool.rules)
    return pool


def open_models(pool: Pool, folders: Folders | None = None) -> Mapping[str, ChatModel]:
    """A model for every agent; nothing is loaded yet. Raises ConfigurationFault."""
    from sale_tui.inference.pool import build_models

    return build_models(pool, make_private((folders or user_folders()).cache))


async def open_session(
    settings: Settings, *, countdown_seconds: float, attended: bool = False, unsafe: bool = False
) -> Session:
    """Everything that a task needs; ``attended``: somebody can be asked; ``unsafe``: as for ``open_sandbox``.

    Models load with the first task, or when the front end asks for it.
    """
    await asyncio.to_thread(_import_parts)
    from sale_tui.agent.approval_store import ApprovalBook
    from sale_tui.agent.mcp.tool import tools_of
    from sale_tui.documents.extract import SandboxExtractor
    from sale_tui.memory.embedder import SentenceEmbedder
    from sale_tui.session.offering import chosen_tools
    from sale_tui.session.runner import Session
    from sale_tui.session.wiring import Wiring

    folders = user_folders()
    pool = open_pool(settings, folders)
    folder, engine = _corpus_folder(settings), open_engine(settings)
    approvals = ApprovalBook(settings.launch_rules, settings.approval, open_approvals(folders))
    models = open_models(pool, folders)
    async with AsyncExitStack() as begun:
        embedder = SentenceEmbedder()
        begun.push_async_callback(embedder.close)
        embedder.warm()
        memory = _open_memory(pool, folders, embedder)
        begun.callback(memory.close)
        memory.warm()
        workspaces, sandbox = await _open_sandbox(settings, folders, unsafe=unsafe)
        servers, complaints = await _open_servers(settings, sandbox, workspaces)
        for server in servers:
            begun.push_async_callback(server.close)
        reading = _open_reading(pool, folder, engine, SandboxExtractor(sandbox, workspaces), embedder, folders.cache)
        tools = (*_tools(reading, settings.sandbox_seconds), *tools_of(servers))
        chosen = chosen_tools(settings.tools, pool.tools, tools)
        begun.pop_all()
    return Session(
        Wiring(
            pool=pool,
            models=models,
            memory=memory,
            embedder=embedder,
            sandbox=sandbox,
            tools=tools,
            chosen_tools=chosen,
            clock=SystemClock(),
            sandbox_seconds=settings.sandbox_seconds,
            limits=Limits(steps=settings.steps, tokens=settings.tokens, seconds=settings.seconds),
            workspaces=workspaces,
            kept_workspaces=settings.workspaces,
            countdown_seconds=countdown_seconds,
            attended=attended,
            approvals=approvals,
            closers=(*reading.closers, *(server.close for server in servers)),
            notices=complaints,
            private_corpus=reading.documents is not None,
            documents=reading.documents,
            archive=memory.archive,
        )
    )


def _open_memory(pool: Pool, folders: Folders, embedder: Embedder) -> MemoryService:
    from sale_tui.memory.service import open_memory

    make_private(folders.data)
    examples = Path(pool.path).with_name(KIND_EXAMPLES)
    return open_memory(folders.database, embedder, make_private(folders.cache), examples)


def _import_parts() -> None:
    """Import beside the event loop what a session needs: a third of a second that would hold up the app's keys."""
    for module in PARTS:
        importlib.import_module(module)


def open_approvals(folders: Folders | None = None) -> ApprovalStore:
    """What the user has allowed for always. Raises ConfigurationFault."""
    from sale_tui.agent.approval_store import ApprovalStore

    return ApprovalStore((folders or user_folders()).approvals_file)


def open_store(folders: Folders | None = None) -> AuctionStore:
    """The stored auctions, without embeddings."""
    from sale_tui.memory.store import AuctionStore

    folders = folders or user_folders()
    make_private(folders.data)
    return AuctionStore(folders.database)


def read_past(limit: int, without: str) -> list[AuctionRecord]:
    """Records of past auctions, for a front end that has no session; none where nothing was ever remembered.

    Raises ConfigurationFault where the memory cannot be read.
    """
    if not user_folders().database.is_file():
        return []
    store = open_store()
    try:
        return store.past_records(limit, without)
    finally:
        store.close()


def open_memory_alone() -> tuple[MemoryService, SentenceEmbedder]:
    """The memory for a search, and the embedder that its caller closes."""
    from sale_tui.memory.embedder import SentenceEmbedder
    from sale_tui.memory.service import open_memory

    folders = user_folders()
    make_private(folders.data)
    embedder = SentenceEmbedder()
    memory = open_memory(folders.database, embedder, make_private(folders.cache))
    embedder.warm()
    return memory, embedder


async def open_checks() -> tuple[list[tuple[str, Examination]], Callable[[], Awaitable[None]]]:
    """Every check of ``doctor``, and what ends the processes that they started."""
    from sale_tui.headless.doctor import check_embedder, check_sandbox, check_search, machine_checks
    from sale_tui.memory.embedder import SentenceEmbedder

    folders = user_folders()
    embedder = SentenceEmbedder()
    embedder.warm()

    async def sandbox() -> Check:
        settings = load_settings(folders.settings_file, {})
        return await check_sandbox((await _open_sandbox(settings, folders))[1])

    async def search() -> Check:
        settings = load_settings(folders.settings_file, {})
        return await check_search(settings.search_engine, open_engine(settings))

    checks = machine_checks(folders.data)
    checks.append(("sandbox", sandbox))
    checks.append(("search", search))
    checks.append(("embedder", lambda: check_embedder(embedder)))
    return checks, embedder.close


async def open_sandbox(
    settings: Settings, named: Path | None, *, unsafe: bool = False, wanted: Wanted | None = None
) -> tuple[Path, Sandbox, Verdict]:
    """The folder of workspaces, the sandbox that has shown that it holds (else one that refuses all), and what its
    self-test found. ``named``: a folder of the user's own that may be a workspace, too. ``unsafe``: isolate nothing, by
    the flag ``--unsafe-no-sandbox`` of this launch and nothing else. ``wanted``: that tier or none.
    """
    from sale_tui.sandbox.check import Verdict
    from sale_tui.sandbox.consent import accepted
    from sale_tui.sandbox.detect import try_sandbox
    from sale_tui.sandbox.none import NoneSandbox
    from sale_tui.sandbox.owner import workspace_base
    from sale_tui.sandbox.place import check_named

    folders = user_folders()
    try:
        base = make_private(workspace_base(folders.data))
        own = () if named is None else (check_named(named, (folders.config, folders.data, folders.cache, base)),)
    except (NoSandbox, ConfigurationFault) as error:
        refusing = NoneSandbox(error.message, error.hint)
        return folders.data, refusing, Verdict(held=(), broken=(), trouble=error.message)
    agreed, wanted = accepted(folders.sandbox_record), wanted or settings.sandbox or None
    return base, *await try_sandbox(base, settings.sandbox_limits, own, unsafe=unsafe, accepted=agreed, wanted=wanted)


def accept_reduced() -> Path:
    """Write down, in the file that is given back, that the user accepts the tier ``reduced`` on this machine.

    Raises ConfigurationFault.
    """
    from sale_tui.sandbox.consent import accept

    record = user_folders().sandbox_record
    accept(record)
    return record


def forget_reduced() -> bool:
    """Take that back; whether there was anything. Raises ConfigurationFault."""
    from sale_tui.sandbox.consent import forget

    return forget(user_folders().sandbox_record)


async def _open_sandbox(settings: Settings, folders: Folders, *, unsafe: bool = False) -> tuple[Path, Sandbox]:
    base, sandbox, _ = await open_sandbox(settings, None, unsafe=unsafe)
    return base if base != folders.data else make_private(folders.data / "workspaces"), sandbox


async def _open_servers(
    settings: Settings, sandbox: Sandbox, workspaces: Path
) -> tuple[tuple[Server, ...], tuple[str, ...]]:
    from sale_tui.agent.mcp.servers import check_servers, open_servers

    check_servers(settings.mcp)
    return await open_servers(settings.mcp, sandbox, workspaces)


def _corpus_folder(settings: Settings) -> Path | None:
    """The user's own documents."""
    if not settings.corpus:
        return None
    folder = given_path(settings.corpus, "corpus").absolute()
    if not is_folder(folder, "corpus"):
        raise ConfigurationFault(f"corpus: {folder} is not a folder", "give a folder of documents")
    return folder


def open_engine(settings: Settings) -> Engine | None:
    """The search engine that the settings name, if any. Raises ConfigurationFault."""
    if settings.search_engine == "none":
        return None
    from sale_tui.web.choose import choose_engine

    return choose_engine(settings.search_engine, settings.searxng_url)


@dataclass(frozen=True, slots=True)
class _Reading:
    """What can be searched and opened."""

    shelf: Bookshelf | None = None
    documents: Documents | None = None
    """The user's own, where the shelf holds those."""
    search: WebSearch | None = None
    reader: WebReader | None = None

    @property
    def closers(self) -> tuple[Callable[[], Awaitable[None]], ...]:
        """What ends them."""
        return tuple(part.close for part in (self.documents, self.reader) if part is not None)


def _open_reading(  # noqa: PLR0913, PLR0917 - wires what others have made
    pool: Pool, folder: Path | None, engine: Engine | None, extractor: TextExtractor, embedder: Embedder, cache: Path
) -> _Reading:
    from sale_tui.agent.tools.shelf import LibraryShelf, Shelf
    from sale_tui.documents.library import Library

    documents = Library(folder, cache, embedder, extractor) if folder else None
    shelf = LibraryShelf(documents) if documents else Shelf(Path(pool.corpus)) if pool.corpus else None
    if engine is None:
        return _Reading(shelf, documents)
    from sale_tui.web.cache import WebCache
    from sale_tui.web.fetch import Fetcher
    from sale_tui.web.reader import PageReader
    from sale_tui.web.search import WebSearcher

    clock = SystemClock()
    kept = WebCache(cache / "web.db", clock.now)
    return _Reading(shelf, documents, WebSearcher(engine, kept, clock), PageReader(Fetcher(), extractor, kept))


def _tools(reading: _Reading, seconds: float) -> tuple[Tool, ...]:
    from sale_tui.agent.tools.edit import EditTool
    from sale_tui.agent.tools.grep import GrepTool
    from sale_tui.agent.tools.list import ListTool
    from sale_tui.agent.tools.open import OpenTool
    from sale_tui.agent.tools.python import PythonTool
    from sale_tui.agent.tools.read import ReadTool
    from sale_tui.agent.tools.search import SearchTool
    from sale_tui.agent.tools.shell import ShellTool
    from sale_tui.agent.tools.submit import SubmitTool
    from sale_tui.agent.tools.write import WriteTool

    tools: list[Tool] = [PythonTool(seconds)]
    if reading.shelf is not None or reading.search is not None:
        tools += [SearchTool(reading.shelf, reading.search), OpenTool(reading.shelf, reading.reader)]
    return (*tools, ShellTool(), ReadTool(), WriteTool(), EditTool(), ListTool(), GrepTool(), SubmitTool())
