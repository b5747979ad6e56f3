"""Each command of the command line as a function: wires what it needs and hands it to its front end."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from sale_tui.errors import ConfigurationFault, Interrupted, UsageFault
from sale_tui.paths import find_pools, is_folder, resolve_pool, user_folders
from sale_tui.session.wiring import TaskRequest
from sale_tui.settings import Settings
from sale_tui.types import Outcome

if TYPE_CHECKING:
    from sale_tui.session.runner import Session

RequestedKind = Literal["auto", "search", "coding"]
VERDICTS: dict[str, Outcome] = {"right": "passed", "wrong": "failed", "unknown": "unknown"}
"""What the command line says, as memory keeps it."""


def start_app(settings: Settings, workspace: Path | None, tests: Path | None, *, unsafe: bool) -> int:
    """The app; returns when the user quits. ``unsafe``: without a sandbox, by the user's flag."""
    from sale_tui.bootstrap import open_pool, open_session
    from sale_tui.tui.app import SaleApp

    check_workspace(workspace)
    given = TaskRequest(text="", workspace=workspace)
    if tests is not None:
        given = with_tests(given, tests)
    pool = open_pool(settings)

    async def opened() -> Session:
        return await open_session(settings, countdown_seconds=settings.countdown, attended=True, unsafe=unsafe)

    app = SaleApp(opened, pool, given=given, unsafe=unsafe)
    app.run()
    return app.return_code or 0


def task_request(task: str, kind: str, *, agent: str | None, workspace: Path | None, tests: Path | None) -> TaskRequest:
    """What is asked of a session. Raises ConfigurationFault, UsageFault."""
    check_workspace(workspace)
    request = TaskRequest(text=task, kind=cast(RequestedKind, kind), pinned=agent, workspace=workspace)
    return request if tests is None else with_tests(request, tests)


async def run_task(settings: Settings, request: TaskRequest, *, unsafe: bool, jsonl: bool) -> int:
    """One task, headless. ``unsafe``: without a sandbox, by the user's flag."""
    from sale_tui.headless.run import run_task as headless_run

    async with _opened(settings, unsafe=unsafe) as session:
        return await headless_run(session, request, sys.stdout, sys.stderr, jsonl=jsonl)


async def bid_task(settings: Settings, task: str, kind: str, *, as_json: bool) -> int:
    """The auction alone."""
    from sale_tui.headless.bid import bid_task as headless_bid

    request = TaskRequest(text=task, kind=cast(RequestedKind, kind), execute=False)
    async with _opened(settings) as session:
        return await headless_bid(session, request, sys.stdout, sys.stderr, as_json=as_json)


def rescore_record(record: str, weights: Path | None, thrift: float | None, *, as_json: bool) -> int:
    """A record scored again."""
    from sale_tui.bootstrap import open_store
    from sale_tui.headless.rescore import Source
    from sale_tui.headless.rescore import rescore_record as headless_rescore

    source = Source(stdin=sys.stdin.buffer, stored=lambda auction: open_store().record(auction))
    return headless_rescore(record, source, sys.stdout, weights=weights, thrift=thrift, as_json=as_json)


def replay_log(log: Path, speed: float, *, text: bool) -> int:
    """A recorded log, in the app or as text."""
    if text:
        import asyncio

        from sale_tui.headless.replay import replay_text
        from sale_tui.headless.signals import interruptible

        return asyncio.run(interruptible(replay_text(log, sys.stdout, speed=speed)))
    from sale_tui.bootstrap import read_past
    from sale_tui.events import LogStarted
    from sale_tui.session.replay import read_log
    from sale_tui.tui.app import SaleApp
    from sale_tui.tui.source import ReplaySource, pool_of, task_of

    events = read_log(log)
    header = next(event for event in events if isinstance(event, LogStarted))

    async def recorded() -> ReplaySource:
        return ReplaySource(events, speed, past=read_past)

    app = SaleApp(recorded, pool_of(header), begin=task_of(events), speed=speed)
    app.run()
    return app.return_code or 0


def list_memory(limit: int, *, as_json: bool) -> int:
    """Past auctions."""
    from sale_tui.bootstrap import open_store
    from sale_tui.headless.memory import list_memory as headless_list

    return headless_list(open_store().list_auctions(limit), sys.stdout, as_json=as_json)


async def search_memory(query: str, limit: int, *, as_json: bool) -> int:
    """Past auctions by meaning."""
    from sale_tui.bootstrap import open_memory_alone
    from sale_tui.headless.memory import search_memory as headless_search

    memory, embedder = open_memory_alone()
    try:
        return headless_search(await memory.search(query, limit), sys.stdout, as_json=as_json)
    finally:
        memory.close()
        await embedder.close()


def show_memory(auction: str, *, as_json: bool) -> int:
    """One past auction."""
    from sale_tui.bootstrap import open_store
    from sale_tui.headless.memory import show_memory as headless_show

    store = open_store()
    return headless_show(store.get_auction(auction), store.events(auction), sys.stdout, as_json=as_json)


def mark_memory(auction: str, verdict: str, *, as_json: bool) -> int:
    """Whether the answer of one past auction was right."""
    from sale_tui.bootstrap import open_store
    from sale_tui.headless.memory import mark_memory as headless_mark

    return headless_mark(open_store().mark(auction, VERDICTS[verdict]), sys.stdout, as_json=as_json)


def forget_memory(auctions: Sequence[str], *, ask: bool, as_json: bool) -> int:
    """Past auctions, removed once somebody has said so."""
    from sale_tui.bootstrap import open_store
    from sale_tui.headless.memory import ask_to_forget
    from sale_tui.headless.memory import forget_memory as headless_forget

    store = open_store()
    heads = store.summaries_of(list(dict.fromkeys(store.resolve(auction) for auction in auctions)))
    if ask and not ask_to_forget(heads, sys.stdin, sys.stderr):
        raise Interrupted("nothing was forgotten", "answer y to forget")
    store.forget([head.id for head in heads])
    return headless_forget(heads, sys.stdout, as_json=as_json)


def export_memory(file: Path, auctions: Sequence[str], *, as_json: bool) -> int:
    """Past auctions as a file."""
    from sale_tui.bootstrap import open_store
    from sale_tui.headless.memory import export_memory as headless_export
    from sale_tui.session.export import check_target, export

    check_target(file)
    store = open_store()
    names = [store.resolve(auction) for auction in auctions] or sorted(store.ids(), reverse=True)
    return headless_export(file, export(map(store.get_auction, names), file), sys.stdout, as_json=as_json)


def list_approvals(*, as_json: bool) -> int:
    """What the user has allowed for always."""
    from sale_tui.bootstrap import open_approvals
    from sale_tui.headless.approvals import list_approvals as headless_list

    return headless_list(open_approvals().rules, sys.stdout, as_json=as_json)


def forget_approvals(number: int | None, *, as_json: bool) -> int:
    """One of those rules is forgotten, or all without a number. Raises UsageFault where there is none of it."""
    from sale_tui.bootstrap import open_approvals
    from sale_tui.headless.approvals import tell_forgotten

    store = open_approvals()
    rules = store.rules
    if number is not None and number > len(rules):
        raise UsageFault(f"there is no answer {number}", "see `sale-tui approvals list`")
    chosen = rules if number is None else rules[number - 1 : number]
    store.forget(chosen)
    return tell_forgotten(chosen, sys.stdout, as_json=as_json)


def list_pools(*, as_json: bool) -> int:
    """Every pool that can be named."""
    from sale_tui.headless.pool import list_pools as headless_list
    from sale_tui.inference.catalogue import load_pool

    return headless_list([load_pool(file) for file in find_pools(user_folders()).values()], sys.stdout, as_json=as_json)


def show_pool(name: str, *, as_json: bool) -> int:
    """One pool."""
    from sale_tui.headless.pool import show_pool as headless_show
    from sale_tui.inference.catalogue import load_pool

    return headless_show(load_pool(resolve_pool(name, user_folders())), sys.stdout, as_json=as_json)


async def check_pool(name: str, *, as_json: bool) -> int:
    """Load each model of a pool."""
    from sale_tui.bootstrap import open_models
    from sale_tui.headless.pool import check_pool as headless_check
    from sale_tui.inference.catalogue import load_pool

    pool = load_pool(resolve_pool(name, user_folders()))
    models = open_models(pool)
    try:
        return await headless_check(pool, models, sys.stdout, sys.stderr, as_json=as_json)
    finally:
        for model in models.values():
            await model.close()


async def examine(*, as_json: bool) -> int:
    """What works on this machine."""
    from sale_tui.bootstrap import open_checks
    from sale_tui.headless.doctor import examine as headless_examine

    checks, close = await open_checks()
    try:
        return await headless_examine(checks, sys.stdout, as_json=as_json)
    finally:
        await close()


def with_tests(request: TaskRequest, file: Path) -> TaskRequest:
    """The request as a coding task that carries the tests of a file. Raises UsageFault, ConfigurationFault."""
    from sale_tui.agent.grading import read_tests

    if request.kind == "search":
        raise UsageFault("--tests is for coding tasks", "leave out --kind, or say --kind coding")
    return dataclasses.replace(request, kind="coding", tests=read_tests(file))


def check_workspace(workspace: Path | None) -> None:
    """Raises ConfigurationFault where the folder is none."""
    if workspace is not None and not is_folder(workspace, "workspace"):
        raise ConfigurationFault(f"workspace: {workspace} is not a folder", "give an existing folder")


@asynccontextmanager
async def _opened(settings: Settings, *, unsafe: bool = False) -> AsyncIterator[Session]:
    from sale_tui.bootstrap import open_session
    from sale_tui.headless.signals import to_the_end

    session = await open_session(settings, countdown_seconds=0.0, unsafe=unsafe)
    try:
        yield session
    finally:
        await to_the_end(session.close())
