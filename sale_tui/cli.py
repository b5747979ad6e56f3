"""The command line: parse, choose a front end, import nothing heavy before it must."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from sale_tui import __version__
from sale_tui.cli_approvals import approvals
from sale_tui.cli_sandbox import sandbox
from sale_tui.errors import ConfigurationFault, Defect, Exit, Interrupted, SaleError, UsageFault

if TYPE_CHECKING:
    from sale_tui.settings import Settings

Function = TypeVar("Function", bound=Callable[..., Any])


def main() -> None:
    """Entry point of ``sale-tui``: every error becomes one line (or JSON object) and an exit code, never a trace."""
    from sale_tui.console import complain, prepare_streams, settle_streams

    ours = sys.argv[: sys.argv.index("--")] if "--" in sys.argv else sys.argv
    machine = any(flag in ours for flag in ("--json", "--jsonl"))
    prepare_streams()
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _interrupt)
        code = _called(sys.argv[1:])
        sys.stdout.flush()
    except (KeyboardInterrupt, click.Abort):
        code = complain(Interrupted("interrupted", "start it again"), machine)
    except BrokenPipeError:
        code = Exit.RUN_FAILED
    except Exception as error:  # noqa: BLE001 - a user gets one line of whatever it was
        code = complain(_as_sale_error(error), machine)
    settle_streams()
    sys.exit(int(code))


def _called(arguments: list[str]) -> int:
    try:
        code = cli.main(args=arguments, prog_name="sale-tui", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except SystemExit as stop:
        # Click ends so where nobody reads its output any more, and after shell completion.
        return Exit.RUN_FAILED if stop.code else Exit.ANSWERED
    return code if isinstance(code, int) else Exit.ANSWERED


_seen: list[int] = []
"""Signals so far: an exception that is raised in a destructor or a callback of an import is lost."""


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - as signal handlers are called
    _seen.append(number)
    raise KeyboardInterrupt


def _heed() -> None:
    """Before something that may wait for ever. Raises KeyboardInterrupt where a signal has come."""
    if _seen:
        raise KeyboardInterrupt


def _as_sale_error(error: Exception) -> SaleError:
    match error:
        case SaleError():
            return error
        case click.ClickException():
            context = error.ctx if isinstance(error, click.UsageError) else None
            return UsageFault(error.format_message(), f"see `{context.command_path} --help`" if context else "")
        case OSError() | UnicodeError():
            where = f": {error.filename}" if isinstance(error, OSError) and error.filename else ""
            cause = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
            return ConfigurationFault(f"{cause}{where}", "check that file or stream: its permissions, its place")
        case _:
            return Defect(
                f"a defect of sale-tui: {type(error).__name__}: {error}", "please report it, with the command"
            )


def _pool_option(function: Function) -> Function:
    return click.option("--pool", metavar="P", help="Pool name, folder or file.  [default: micro]")(function)


_search_option = click.option(
    "--search-engine",
    type=click.Choice(["none", "searxng", "brave", "tavily", "ddgs"]),
    help="Who searches the web.  [default: none]",
)


def _auction_options(function: Function) -> Function:
    for option in (
        click.option("--thrift", type=float, metavar="X", help="Overrides the pool's thrift: higher is cheaper."),
        click.option("--corpus", metavar="DIR", help="Folder of documents that `search` uses.  [default: the pool's]"),
        _search_option,
        click.option("--tools", metavar="NAMES", help="Tools that are offered.  [default: those that the kind needs]"),
        click.option("--kind", type=click.Choice(["auto", "search", "coding"]), default="auto", show_default=True,
                     help="What the task asks for."),
    ):  # fmt: skip
        function = option(function)
    return _pool_option(function)


def _approval_options(function: Function) -> Function:
    for option in (
        click.option("--deny", multiple=True, metavar="GLOB", callback=_given,
                     help="Calls of tools that may not be made; goes before all else. May be repeated."),
        click.option("--allow", multiple=True, metavar="GLOB", callback=_given,
                     help="Calls that may leave the sandbox, e.g. 'open(https://docs.python.org/*)'. May be repeated."),
    ):  # fmt: skip
        function = option(function)
    return function


def _given(context: click.Context, option: click.Parameter, globs: tuple[str, ...]) -> tuple[str, ...] | None:  # noqa: ARG001 - as click calls it
    return globs or None


_unsafe_option = click.option(
    "--unsafe-no-sandbox", "unsafe", is_flag=True,
    help="Run code of models with all your rights, for this launch. There is no setting for it.",
)  # fmt: skip

_json_option = click.option("--json", "as_json", is_flag=True, help="Data on stdout as JSON, narration on stderr.")


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sale-tui")
@_pool_option
@click.option("--corpus", metavar="DIR", help="Folder of documents that `search` uses.  [default: the pool's]")
@_search_option
@click.option("--thrift", type=float, metavar="X", help="Overrides the pool's thrift: higher is cheaper.")
@click.option("--countdown", type=float, metavar="S", help="Seconds in which an award can be overruled.  [default: 8]")
@click.option("--workspace", type=click.Path(path_type=Path), metavar="DIR",
              help="Folder whose copy the tools work in; changes reach it only as a diff that you accept.")  # fmt: skip
@click.option("--tests", type=click.Path(path_type=Path), metavar="FILE",
              help="Python tests for the code of every coding task's answer; memory keeps the outcome.")  # fmt: skip
@_approval_options
@_unsafe_option
@click.pass_context
def cli(context: click.Context, /, workspace: Path | None, tests: Path | None, unsafe: bool, **flags: Any) -> int:
    """Local models bid for your task; the best value runs it.

    Without a command the app starts. Type a deep-search or coding task, watch the auction, overrule the winner.
    """
    if context.invoked_subcommand is not None:
        _refuse_options_before(context, context.invoked_subcommand)
        return Exit.ANSWERED
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageFault("the app needs a terminal", 'without one use `sale-tui run "your task"`')
    from sale_tui.front import start_app

    return start_app(_settings(**flags), workspace=workspace, tests=tests, unsafe=unsafe)


@cli.command()
@click.argument("task")
@_auction_options
@click.option("--agent", metavar="A", help="Pin an agent: it runs the task, no auction is held.")
@click.option("--workspace", type=click.Path(path_type=Path), metavar="DIR",
              help="Folder whose copy the tools work in; changes reach it only as a diff that you accept.")  # fmt: skip
@click.option("--tests", type=click.Path(path_type=Path), metavar="FILE",
              help="Python tests for the code of a coding task's answer; memory keeps the outcome.")  # fmt: skip
@click.option("--accept-changes", is_flag=True,
              help="Carry the changes in the copy of --workspace into that folder, without asking.")  # fmt: skip
@_approval_options
@_unsafe_option
@click.option("--jsonl", is_flag=True, help="Every event on stdout, a line of JSON each; narration on stderr.")
def run(task: str, kind: str, workspace: Path | None, tests: Path | None, unsafe: bool, **flags: Any) -> int:
    """Run one task without the app: auction, execution, answer. TASK `-` reads it from stdin."""
    from sale_tui.front import run_task, task_request

    if flags.pop("accept_changes"):
        flags["allow"] = (*(flags["allow"] or ()), "accept_changes(*)")
    agent, jsonl = flags.pop("agent"), flags.pop("jsonl")
    settings = _settings(**flags)
    request = task_request(_task(task), kind, agent=agent, workspace=workspace, tests=tests)
    return _await(run_task(settings, request, unsafe=unsafe, jsonl=jsonl))


@cli.command()
@click.argument("task")
@_auction_options
@_json_option
def bid(task: str, kind: str, as_json: bool, **flags: Any) -> int:
    """Hold the auction alone and print its record. TASK `-` reads it from stdin."""
    from sale_tui.front import bid_task

    return _await(bid_task(_settings(**flags), _task(task), kind, as_json=as_json))


@cli.command()
@click.argument("record")
@click.option("--weights", type=click.Path(path_type=Path), metavar="FILE", help='JSON: {"weights", "scales"}.')
@click.option("--thrift", type=float, metavar="X", help="Rescales the value weights to sum to 1/X.")
@_json_option
def rescore(record: str, weights: Path | None, thrift: float | None, as_json: bool) -> int:
    """Score a RECORD again; no model is called. RECORD is a record or event log (a file, `-`) or an auction id."""
    from sale_tui.front import rescore_record

    return rescore_record(record, weights, thrift, as_json=as_json)


@cli.command()
@click.argument("log", type=click.Path(path_type=Path))
@click.option("--speed", type=float, default=1.0, show_default=True, metavar="N", help="Times as fast as it happened.")
@click.option("--text", is_flag=True, help="As text, also in a terminal.")
def replay(log: Path, speed: float, text: bool) -> int:
    """Play a recorded event LOG through the app, or as text without a terminal."""
    from sale_tui.front import replay_log

    if not speed > 0:
        raise UsageFault("--speed must be greater than 0", "e.g. --speed 4")
    return replay_log(log, speed, text=text or not sys.stdout.isatty())


@cli.group()
def memory() -> None:
    """Look into the auction memory, mark answers, forget, export."""


@memory.command("list")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="Newest auctions to list.")
@_json_option
def memory_list(limit: int, as_json: bool) -> int:
    """List past auctions, newest first."""
    from sale_tui.front import list_memory

    return list_memory(limit, as_json=as_json)


@memory.command("search")
@click.argument("query")
@click.option("--limit", type=click.IntRange(min=1), default=8, show_default=True, help="Auctions to show.")
@_json_option
def memory_search(query: str, limit: int, as_json: bool) -> int:
    """Find past auctions by meaning."""
    from sale_tui.front import search_memory

    return _await(search_memory(query, limit, as_json=as_json))


@memory.command("show")
@click.argument("auction")
@_json_option
def memory_show(auction: str, as_json: bool) -> int:
    """Show one AUCTION: its id, or the beginning of it."""
    from sale_tui.front import show_memory

    return show_memory(auction, as_json=as_json)


@memory.command("mark")
@click.argument("auction")
@click.argument("verdict", type=click.Choice(["right", "wrong", "unknown"]))
@_json_option
def memory_mark(auction: str, verdict: str, as_json: bool) -> int:
    """Say whether the answer of one AUCTION was right: later bids learn from it."""
    from sale_tui.front import mark_memory

    return mark_memory(auction, verdict, as_json=as_json)


@memory.command("forget")
@click.argument("auctions", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@_json_option
def memory_forget(auctions: tuple[str, ...], yes: bool, as_json: bool) -> int:
    """Remove AUCTIONS from the memory for good, with their logs; asks first."""
    from sale_tui.front import forget_memory

    if not yes and (as_json or not (sys.stdin.isatty() and sys.stderr.isatty())):
        raise UsageFault("forgetting has to be confirmed", "say --yes")
    return forget_memory(auctions, ask=not yes, as_json=as_json)


@memory.command("export")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("auctions", nargs=-1)
@_json_option
def memory_export(file: Path, auctions: tuple[str, ...], as_json: bool) -> int:
    """Write AUCTIONS, or all of them, to a new FILE: Markdown (.md) or JSON (.json)."""
    from sale_tui.front import export_memory

    return export_memory(file, auctions, as_json=as_json)


@cli.group()
def pool() -> None:
    """Pools of models."""


@pool.command("list")
@_json_option
def pool_list(as_json: bool) -> int:
    """List the pools that can be named."""
    from sale_tui.front import list_pools

    return list_pools(as_json=as_json)


@pool.command("show")
@click.argument("name", default="micro")
@_json_option
def pool_show(name: str, as_json: bool) -> int:
    """Show the agents and rules of a pool."""
    from sale_tui.front import show_pool

    return show_pool(name, as_json=as_json)


@pool.command("check")
@click.argument("name", default="micro")
@_json_option
def pool_check(name: str, as_json: bool) -> int:
    """Load every model of a pool and say what became of it."""
    from sale_tui.front import check_pool

    return _await(check_pool(name, as_json=as_json))


@cli.command()
@_json_option
def doctor(as_json: bool) -> int:
    """What works on this machine, and what to do about the rest."""
    from sale_tui.front import examine

    return _await(examine(as_json=as_json))


cli.add_command(sandbox)
cli.add_command(approvals)


def _refuse_options_before(context: click.Context, command: str) -> None:
    """The group's own options are the app's: before a command they would change nothing."""
    for option in context.command.params:
        if option.name and context.get_parameter_source(option.name) is ParameterSource.COMMANDLINE:
            raise UsageFault(
                f"{option.opts[0]} stands before the command `{command}`",
                f"put it after the command: sale-tui {command} … {option.opts[0]} …; see `sale-tui {command} --help`",
            )


def _task(text: str) -> str:
    _heed()
    text = sys.stdin.buffer.read().decode("utf-8", "replace") if text == "-" else text
    if not text.strip():
        raise UsageFault("the task is empty", 'say what you want: sale-tui run "sort 3, 1, 2"')
    return text.strip()


def _settings(**flags: Any) -> Settings:
    from sale_tui.paths import user_folders
    from sale_tui.settings import load_settings

    return load_settings(user_folders().settings_file, flags)


def _await(command: Coroutine[Any, Any, int]) -> int:
    from sale_tui.headless.signals import interruptible

    return asyncio.run(interruptible(command))
