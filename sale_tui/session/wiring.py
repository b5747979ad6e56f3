"""What a session needs, wired by ``bootstrap``, and what it is asked to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sale_tui.agent.approval_store import ApprovalBook
from sale_tui.agent.tools.base import Tool
from sale_tui.archive import Archive
from sale_tui.ports import ChatModel, Clock, Embedder, Memory, Sandbox
from sale_tui.sources import Documents
from sale_tui.types import Limits, Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRequest:
    """One task as a front end asks for it."""

    text: str
    kind: Literal["auto", "search", "coding"] = "auto"
    pinned: str | None = None
    """Agent that is to run it whatever the auction says; no auction is held."""
    workspace: Path | None = None
    """Folder whose copy the tools work in; changes reach it only as a diff that is accepted."""
    execute: bool = True
    """False: the auction alone."""
    tests: str = ""
    """Python that tests the answer's code where this is a coding task; its outcome is the auction's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """The implementations behind the ports."""

    pool: Pool
    models: Mapping[str, ChatModel]
    """By agent name, cheapest first."""
    memory: Memory
    embedder: Embedder
    sandbox: Sandbox
    tools: tuple[Tool, ...]
    """Tools that can be offered, whatever the sandbox; those that it forbids are withheld by the session."""
    clock: Clock
    limits: Limits
    sandbox_seconds: float = 30.0
    """Wall time of a program in the sandbox whose tool asks for no other."""
    workspaces: Path
    """Folder under which each run gets a fresh workspace."""
    kept_workspaces: int = 50
    """How many of past runs are kept."""
    countdown_seconds: float = 0.0
    """How long a proposed award waits to be overruled."""
    attended: bool = False
    """Whether somebody sits at the front end who can be asked, even without a countdown."""
    approvals: ApprovalBook = field(default_factory=ApprovalBook)
    """Which calls may leave the sandbox."""
    closers: tuple[Callable[[], Awaitable[None]], ...] = ()
    """What else is to be ended with the session."""
    notices: tuple[str, ...] = ()
    """What the user should know at the beginning of every task."""
    private_corpus: bool = False
    """Whether the documents that ``search`` reads are the user's own."""
    archive: Archive | None = None
    """The same memory, for people to look into."""
    documents: Documents | None = None
    """Those, to be kept up to date while the session lasts."""
    chosen_tools: tuple[str, ...] = ()
    """Names of the tools that are offered; empty: those that the task's kind needs."""
