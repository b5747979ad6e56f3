"""One model of all settings: defaults, then settings.toml, then the environment, then flags."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from sale_tui.errors import ConfigurationFault
from sale_tui.types import MEGABYTE, ApprovalRule, McpServer, SandboxLimits

IN_FILE_ALONE = ("approval", "mcp")
"""Fields that no variable can set."""
PREFIX = "SALE_TUI_"
"""Environment variables are this and the field's name in capitals."""

# Bounds from above keep infinity out, too; none of them is near anything that makes sense.
Thrift = Annotated[float, msgspec.Meta(ge=1e-9, le=1e9)]
RunSeconds = Annotated[float, msgspec.Meta(gt=0, le=604_800)]
Countdown = Annotated[float, msgspec.Meta(ge=0, le=3_600)]
Steps = Annotated[int, msgspec.Meta(ge=1, le=10_000)]
SearchEngine = Literal["none", "searxng", "brave", "tavily", "ddgs"]
SandboxChoice = Literal["", "strong"]
Tokens = Annotated[int, msgspec.Meta(ge=1, le=100_000_000)]


# Of one program in the sandbox: nothing here can switch it off.
ToolSeconds = Annotated[float, msgspec.Meta(gt=0, le=600)]
Megabytes = Annotated[int, msgspec.Meta(ge=16, le=1_048_576)]
Few = Annotated[int, msgspec.Meta(ge=4, le=4096)]
Many = Annotated[int, msgspec.Meta(ge=16, le=10_000_000)]
Kilobytes = Annotated[int, msgspec.Meta(ge=1, le=65_536)]

Glob = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
ServerName = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9-]{0,20}$")]
FLAGS_ALONE = ("allow", "deny")
"""Fields that no file and no environment can set: they are the word of whoever starts this launch."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a user can set."""

    pool: str = "micro"
    """Pool name, folder or file."""
    corpus: str = ""
    """Folder of documents for ``search``; empty: the pool's own."""
    search_engine: SearchEngine = "none"
    """Who searches the web: ``none`` (nobody; ``open`` reads no web pages then), ``searxng``, ``brave``, ``tavily`` or
    ``ddgs``."""
    searxng_url: str = ""
    """Address of your SearXNG, such as ``http://127.0.0.1:8080``."""
    tools: str = ""
    """Names of the tools that are offered, such as ``python, search, open``; empty: those that the pool or the task's
    kind needs."""
    countdown: Countdown = 8.0
    """Seconds in which a proposed award can be overruled in the app."""
    thrift: Thrift | None = None
    """Overrides the pool's thrift: higher is cheaper."""
    steps: Steps = 40
    """Longest run, in steps."""
    tokens: Tokens = 16384
    """Longest run, in generated tokens."""
    seconds: RunSeconds = 900.0
    """Longest run, in seconds."""
    sandbox: SandboxChoice = ""
    """``strong``: run programs in gVisor or not at all; empty: the best of the other sandboxes that holds here."""
    sandbox_seconds: ToolSeconds = 30.0
    """Longest program in the sandbox, in seconds."""
    sandbox_memory: Megabytes = 512
    """Memory of a program and all that it starts, in MB."""
    sandbox_tasks: Few = 64
    """Processes and threads of a program."""
    sandbox_disk: Megabytes = 100
    """By how much a program may fill its workspace, in MB."""
    sandbox_file: Megabytes = 64
    """Largest file that a program may write, in MB."""
    sandbox_files: Many = 10_000
    """Files that a program may add to its workspace."""
    sandbox_output: Kilobytes = 256
    """What is kept of each output of a program, in KB; longer ones lose their middle."""
    workspaces: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 50
    """Workspaces of past runs that are kept, none of them for longer than 30 days."""
    approval: tuple[ApprovalRule, ...] = ()
    """Rules for calls of tools, in order, in the file alone: ``[[approval]]`` with ``call`` (a glob such as
    ``open(https://docs.python.org/*)``) and ``action`` (allow, ask, deny)."""
    mcp: dict[ServerName, McpServer] = {}
    """MCP servers by name, in the file alone: ``[mcp.NAME]`` with ``command``, ``args``, ``env`` (names of variables),
    ``readable`` (folders), ``trusted``, or ``url``, and ``seconds``."""
    allow: tuple[Glob, ...] = ()
    """Calls that may be made, as globs; a flag alone."""
    deny: tuple[Glob, ...] = ()
    """Calls that may not be made, as globs, before all else; a flag alone."""

    @property
    def sandbox_limits(self) -> SandboxLimits:
        """Of every program in the sandbox."""
        return SandboxLimits(
            memory_bytes=self.sandbox_memory * MEGABYTE,
            tasks=self.sandbox_tasks,
            disk_bytes=self.sandbox_disk * MEGABYTE,
            file_bytes=self.sandbox_file * MEGABYTE,
            files=self.sandbox_files,
            kept_bytes=self.sandbox_output * 1024,
        )

    @property
    def launch_rules(self) -> tuple[ApprovalRule, ...]:
        """What the flags say, denials first."""
        denied = tuple(ApprovalRule(call=glob, action="deny") for glob in self.deny)
        return (*denied, *(ApprovalRule(call=glob, action="allow") for glob in self.allow))


def load_settings(file: Path, flags: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> Settings:
    """Merge all sources; flags that are None do not count. Raises ConfigurationFault naming source and field."""
    merged: dict[str, Any] = {}
    for source, values in (
        (str(file), _from_file(file)),
        ("environment", _from_environment(environment)),
        ("flags", {name: value for name, value in flags.items() if value is not None}),
    ):
        if source != "flags" and (wrong := [name for name in FLAGS_ALONE if name in values]):
            raise ConfigurationFault(f"{source}: {wrong[0]} is a flag alone", "write an [[approval]] rule instead")
        merged.update(values)
        _convert(merged, source)
    return _convert(merged, "settings")


def _from_file(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationFault(f"{file} cannot be read: {error}", "mend or remove the file") from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    fields = msgspec.structs.fields(Settings)
    names = {PREFIX + field.name.upper(): field.name for field in fields if field.name not in IN_FILE_ALONE}
    return {names[key]: value for key, value in environment.items() if key in names and value != ""}


def _convert(values: dict[str, Any], source: str) -> Settings:
    try:
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        known = ", ".join(field.name for field in msgspec.structs.fields(Settings))
        raise ConfigurationFault(f"{source}: {error}", f"settings are: {known}") from error
