"""Which tools a task is offered: what its kind needs, what the user or the pool says, what the sandbox allows.

All phases of an auction are told the same tools, so that bids name what the winner will have. The model's context
counts: a tool's description is some 100 tokens of every prompt.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from sale_tui.agent.tools.base import Tool
from sale_tui.errors import ConfigurationFault
from sale_tui.ports import Sandbox
from sale_tui.types import Kind

LOOKING_UP = ("python", "search", "open")
WORKING = ("shell", "read", "write", "edit", "list", "grep")
LOOKING_ROUND = ("read", "list", "grep")
"""What a question about a folder of the user's needs."""
ENDING = ("submit",)
OWN = (*LOOKING_UP, *WORKING, *ENDING)
"""All tools of sale-tui itself; others come from servers that the user has listed."""


def usual_tools(kind: Kind, folder: bool) -> tuple[str, ...]:
    """Names that a kind of task is offered where nobody says otherwise. ``folder``: the user has named one."""
    if kind == "coding":
        return OWN
    return (*LOOKING_UP, *(LOOKING_ROUND if folder else ()), *ENDING)


def offer(
    tools: Iterable[Tool], sandbox: Sandbox, kind: Kind, *, chosen: tuple[str, ...] = (), folder: bool = False
) -> tuple[tuple[Tool, ...], tuple[str, ...]]:
    """The tools that are offered, and those that would be but for the sandbox, each with its reason.

    ``chosen``: names that the user or the pool has set; by default what the kind needs, and every tool of a server.
    """
    usual = usual_tools(kind, folder)
    wanted = [tool for tool in tools if tool.name in (chosen or usual) or not (chosen or tool.name in OWN)]
    if sandbox.tier != "none":
        return tuple(wanted), ()
    reason = sandbox.advice or "there is no sandbox"
    offered = tuple(tool for tool in wanted if not tool.needs_sandbox)
    return offered, tuple(f"{tool.name}: {reason}" for tool in wanted if tool.needs_sandbox)


def chosen_tools(setting: str, pool: tuple[str, ...], tools: Iterable[Tool]) -> tuple[str, ...]:
    """The names that a setting (``python, search``) or else a pool file gives. Raises ConfigurationFault."""
    names = tuple(setting.replace(",", " ").split())
    known = [*OWN, *(tool.name for tool in tools)]
    for source, given in (("tools", names), ("the pool's tools", pool)):
        for name in given:
            if name not in known:
                near = get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"the tools are: {', '.join(dict.fromkeys(known))}"
                raise ConfigurationFault(f"{source}: there is no tool {name[:40]!r}", hint)
    return names or pool
