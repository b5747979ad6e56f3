"""The awarded agent runs its plan: its tools, its workspace, the loop."""

from __future__ import annotations

import asyncio
import shutil
import stat
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

from sale_tui.agent.loop import Run, run_winner
from sale_tui.agent.tools.base import Tool, ToolContext
from sale_tui.auction.prompting import execute_messages
from sale_tui.errors import ConfigurationFault
from sale_tui.events import AwardDecided, Event
from sale_tui.session.wiring import TaskRequest, Wiring


def offer(wiring: Wiring) -> tuple[tuple[Tool, ...], tuple[str, ...]]:
    """The tools that can be offered, and those that cannot, each with its reason."""
    if wiring.sandbox.tier != "none":
        return wiring.tools, ()
    offered = tuple(tool for tool in wiring.tools if not tool.needs_sandbox)
    reason = wiring.sandbox.advice or "there is no sandbox"
    return offered, tuple(f"{tool.name}: {reason}" for tool in wiring.tools if tool.needs_sandbox)


async def execute(wiring: Wiring, request: TaskRequest, award: AwardDecided) -> AsyncGenerator[Event, None]:
    """The run's events, from RunStarted to RunFinished. Raises ConfigurationFault where no workspace can be made."""
    workspace = await asyncio.to_thread(make_workspace, wiring.workspaces / award.auction, request.workspace)
    tools, withheld = offer(wiring)
    run = Run(
        model=wiring.models[award.award.agent],
        opening=execute_messages(request.text, award.plan),
        plan=award.plan,
        tools=tools,
        withheld=withheld,
        context=ToolContext(workspace=workspace, sandbox=wiring.sandbox),
        limits=wiring.limits,
        clock=wiring.clock,
    )
    async with aclosing(run_winner(run)) as events:
        async for event in events:
            yield event


def make_workspace(folder: Path, original: Path | None) -> Path:
    """A fresh private folder; a copy of ``original`` where there is one, which is only ever read.

    Links stay links and special files are left out. Raises ConfigurationFault.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.mkdir(mode=0o700)
        if original is not None:
            shutil.copytree(original, folder, symlinks=True, ignore=_special_files, dirs_exist_ok=True)
            folder.chmod(0o700)
    except (OSError, shutil.Error) as fault:
        raise ConfigurationFault(
            f"workspace {folder} cannot be made: {fault}", "check that folder, and the one that is to be copied"
        ) from fault
    return folder


def _special_files(folder: str, names: list[str]) -> set[str]:
    """Sockets, pipes and devices: copying one could wait for ever."""
    kept = (stat.S_ISREG, stat.S_ISDIR, stat.S_ISLNK)
    modes = {name: (Path(folder) / name).lstat().st_mode for name in names}
    return {name for name, mode in modes.items() if not any(is_kind(mode) for is_kind in kept)}
