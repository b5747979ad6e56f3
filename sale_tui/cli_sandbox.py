"""The commands of ``sale-tui sandbox``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import click

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


@sandbox.command("run", context_settings={"allow_interspersed_args": False})
@click.option("--workspace", type=click.Path(path_type=Path), metavar="DIR",
              help="All that it can write, as /workspace.  [default: a fresh one, removed afterwards]")  # fmt: skip
@click.option("--net", is_flag=True, help="Share this machine's network, with all that listens on its loopback.")
@click.option("--timeout", "sandbox_seconds", type=float, metavar="S", help="Wall time.  [default: 30]")
@click.option("--json", "as_json", is_flag=True, help="What came of it as one object on stdout.")
@_limits
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(command: tuple[str, ...], workspace: Path | None, net: bool, as_json: bool, **limits: Any) -> int:
    """Run COMMAND exactly as an agent's tool would. Put `--` before it; it is taken literally.

    The exit status is its own; 124 where its time was up, 137 where another limit was met, 125 where it was not run.
    """
    from sale_tui.front_sandbox import run_boxed

    return _await(run_boxed(command, workspace, limits, net=net, as_json=as_json))


@sandbox.command("check")
@click.option("--json", "as_json", is_flag=True, help="Data on stdout as JSON, narration on stderr.")
def check(as_json: bool) -> int:
    """Try to get out of the sandbox, a line a probe: the self-test of every start."""
    from sale_tui.front_sandbox import check_box

    return _await(check_box(as_json=as_json))


def _await(command: Coroutine[Any, Any, int]) -> int:
    from sale_tui.headless.signals import interruptible

    return asyncio.run(interruptible(command))
