"""What a tool is to the winner's loop: a name, typed arguments, and a call that answers in plain text."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from sale_tui.ports import Sandbox
from sale_tui.types import Source, ToolSpec

OUTPUT_CHARACTERS = 8000
"""Most characters of one tool output that a model is shown."""

Arguments = TypeVar("Arguments", bound=msgspec.Struct)
Thing = TypeVar("Thing", bound="Closable")


class BadArguments(ValueError):
    """The arguments of a call do not fit its tool; the message tells the model what would."""


class Closable(Protocol):
    """Something that must be closed at the run's end."""

    async def close(self) -> None:
        """Close it; safe to call twice."""
        ...


class Kept:
    """What tools keep from call to call of one run."""

    def __init__(self) -> None:
        self._things: dict[type[Closable], Closable] = {}

    def get(self, kind: type[Thing], make: Callable[[], Thing]) -> Thing:
        """The run's thing of that kind, made where there is none yet."""
        thing = self._things.get(kind)
        if isinstance(thing, kind):
            return thing
        made = self._things[kind] = make()
        return made

    async def close(self) -> None:
        """Close all; safe to call twice."""
        things, self._things = self._things, {}
        await asyncio.gather(*(thing.close() for thing in things.values()), return_exceptions=True)


def _unheard(text: str) -> None:
    """Nobody listens."""


class ToolContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a tool may use in one run."""

    workspace: Path
    """The run's own folder: the only place that tools write to."""
    sandbox: Sandbox
    """Where code runs."""
    output_characters: int = OUTPUT_CHARACTERS
    """Longest output that the model can take."""
    kept: Kept | None = None
    """What tools keep from call to call; None: nothing is kept."""
    tell: Callable[[str], None] = _unheard
    """Takes what the user should know beside a call's answer; ours to say, never a stranger's words."""


class ToolResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a tool answers."""

    ok: bool
    summary: str
    """One line for people."""
    output: str
    """What the model sees."""
    truncated: int = 0
    """Characters that were cut from ``output``, which says so itself."""
    sources: tuple[Source, ...] = ()
    """Documents that it opened."""
    untrusted: bool = False
    """Whether strangers wrote what is in ``output``: pages of the web, texts of MCP servers."""
    answer: str = ""
    """The run's answer, where the call ends it."""


class Tool(Protocol):
    """One tool. Stateless between runs; calls may run concurrently."""

    @property
    def name(self) -> str:
        """What the model calls it by."""
        ...

    @property
    def spec(self) -> ToolSpec:
        """What the model is told of it."""
        ...

    @property
    def needs_sandbox(self) -> bool:
        """Whether it runs code, and so is withheld where there is no sandbox."""
        ...

    def check(self, arguments: Mapping[str, object]) -> None:
        """Raises BadArguments where ``call`` would."""
        ...

    def leaves(self, arguments: Mapping[str, object]) -> str:
        """What this call would send out of the sandbox and where to, in a few words; empty where nothing leaves.

        Asked once ``check`` has passed, before ``call``; the approval policy reads it.
        """
        ...

    async def call(self, arguments: Mapping[str, object], context: ToolContext) -> ToolResult:
        """Do it. Raises BadArguments, or whatever befell it. Cancelling it stops its work."""
        ...


def make_spec(name: str, description: str, arguments: type[msgspec.Struct]) -> ToolSpec:
    """The spec of a tool whose arguments are the fields of a struct, described by their ``msgspec.Meta``."""
    _, components = msgspec.json.schema_components([arguments], ref_template="{name}")
    schema: dict[str, Any] = components[arguments.__name__]
    parameters = {
        "type": "object",
        "properties": schema["properties"],
        "required": schema.get("required", []),
    }
    return ToolSpec(name=name, description=description, parameters=parameters)


def read_arguments(spec: ToolSpec, kind: type[Arguments], arguments: Mapping[str, object]) -> Arguments:
    """The arguments as their struct: missing, surplus and mistyped ones are named. Raises BadArguments."""
    known = {field.name for field in msgspec.structs.fields(kind)}
    surplus = [name for name in arguments if name not in known]
    if surplus:
        raise BadArguments(f"{spec.name} has no argument {surplus[0][:40]!r}; it takes {signature(spec)}")
    try:
        return msgspec.convert(dict(arguments), kind, strict=False)
    except msgspec.ValidationError as error:
        raise BadArguments(f"{error}; {spec.name} takes {signature(spec)}") from error


def signature(spec: ToolSpec) -> str:
    """The arguments on one line: ``{"document": string, "page": integer (default 1)}``."""
    properties = spec.parameters["properties"]
    if not isinstance(properties, Mapping):
        return "{}"
    shown = (
        f'"{name}": {schema.get("type", "any")}' + (f" (default {schema['default']})" if "default" in schema else "")
        for name, schema in properties.items()
    )
    return "{" + ", ".join(shown) + "}"


def cap(text: str, limit: int) -> tuple[str, int]:
    """Head and tail of a text that is too long, with a line between on how much was cut; and how much that is."""
    if len(text) <= limit:
        return text, 0
    head, tail = limit * 2 // 3, limit - limit * 2 // 3
    cut = len(text) - head - tail
    return f"{text[:head]}\n[... {cut} characters cut ...]\n{text[len(text) - tail :]}", cut
