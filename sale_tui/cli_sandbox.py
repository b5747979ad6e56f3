"""The commands of ``sale-tui sandbox``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import click

from sale_tui.errors import Exit, UsageFault

WEAKER = """\
The reduced sandbox keeps programs from reading and writing outside their workspace, from every socket, and from
signalling or tracing other processes. Weaker than in the full one:
- They see that files and processes outside exist, with names, sizes and times; this machine's name, too.
- They run in this machine's own file system and among its processes: one flaw of the kernel is nearer.
- No local servers, no chmod, no multiprocessing; times of files stay as they are.
It is used only where bubblewrap does not work. `sale-tui sandbox forget` takes this back.\
"""
Function = TypeVar("Function", bound=Callable[..., Any])


@click.group()
def sandbox() -> None:
    """What isolates the code of models: try it, or run anything in it."""


def _limits(function: Function) -> Function:
    for name, unit, text in (
        ("output", "KB", "Kept of each output"),
        ("files", "N", "Files added to the workspace"),
        ("file", "MB", "Largest file"),
        ("disk", "MB", "Growth of the workspace"),
        ("tasks", "N", "Processes and threads"),
        ("memory", "MB", "Memory of all its processes"),
    ):
        function = click.option(f"--{name}", f"sandbox_{name}", type=int, metavar=unit, help=f"{text}.")(function)
    return function


_TIERS = click.Choice(["strong", "full", "reduced"])
_tier = click.option("--tier", type=_TIERS, help="This tier or none.  [default: the best]")


@sandbox.command("run", context_settings={"allow_interspersed_args": False})
@click.option("--workspace", type=click.Path(path_type=Path), metavar="DIR",
              help="All that it can write, as /workspace.  [default: a fresh one, removed afterwards]")  # fmt: skip
@click.option("--net", is_flag=True, help="Share this machine's network, with all that listens on its loopback.")
@click.option("--timeout", "sandbox_seconds", type=float, metavar="S", help="Wall time.  [default: 30]")
@_tier
@click.option("--json", "as_json", is_flag=True, help="What came of it as one object on stdout.")
@_limits
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(  # noqa: PLR0913, PLR0917 - the options of a command
    command: tuple[str, ...], workspace: Path | None, net: bool, tier: Any, as_json: bool, **limits: Any
) -> int:
    """Run COMMAND exactly as an agent's tool would. Put `--` before it; it is taken literally.

    The exit status is its own; 124 where its time was up, 137 where another limit was met, 125 where it was not run.
    """
    from sale_tui.front_sandbox import run_boxed

    return _await(run_boxed(command, workspace, limits, net=net, as_json=as_json, tier=tier))


@sandbox.command("check")
@_tier
@click.option("--json", "as_json", is_flag=True, help="Data on stdout as JSON, narration on stderr.")
def check(tier: Any, as_json: bool) -> int:
    """Try to get out of the sandbox, a line a probe: the self-test of every start."""
    from sale_tui.front_sandbox import check_box

    return _await(check_box(as_json=as_json, tier=tier))


@sandbox.command("accept")
@click.argument("tier", type=click.Choice(["reduced"]))
@click.option("--yes", is_flag=True, help="Do not ask.")
def accept(tier: str, yes: bool) -> int:  # noqa: ARG001 - there is one choice
    """Agree, once for this machine, to a weaker sandbox where bubblewrap does not work."""
    from sale_tui.front_sandbox import accept_box

    if not yes and not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageFault("accepting a weaker sandbox has to be confirmed", "say --yes")
    if not yes:
        click.echo(WEAKER, err=True)
        if not click.confirm("Accept it on this machine, wherever the full sandbox does not work?", err=True):
            return int(Exit.INTERRUPTED)
    return accept_box()


@sandbox.command("forget")
def forget() -> int:
    """Take that back."""
    from sale_tui.front_sandbox import forget_box

    return forget_box()


def _await(command: Coroutine[Any, Any, int]) -> int:
    from sale_tui.headless.signals import interruptible

    return asyncio.run(interruptible(command))
