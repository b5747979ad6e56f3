"""Renders messages by a model's own chat template, so that no message can pass for a part of the template.

Every untrusted text is replaced by a sentinel before the template sees it; what comes out is cut at the sentinels into
the template's own text and the texts in between, which are tokenised differently.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

import jinja2
from jinja2.ext import Extension, loopcontrols
from jinja2.nodes import Node
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from sale_tui.errors import ModelFault
from sale_tui.ports import Message
from sale_tui.types import ToolSpec


@dataclass(frozen=True, slots=True)
class Trusted:
    """Text of the template: may hold control tokens."""

    text: str


@dataclass(frozen=True, slots=True)
class Untrusted:
    """Text of a message: never a control token."""

    text: str


@dataclass(frozen=True, slots=True)
class Past:
    """A past turn of the assistant: the tokens that it generated."""

    tokens: tuple[int, ...]


Segment = Trusted | Untrusted | Past


class _GenerationTag(Extension):
    """``{% generation %}`` marks what a model is trained on; it renders its body."""

    tags = {"generation"}  # noqa: RUF012 - jinja2 declares it as a plain set

    def parse(self, parser: Parser) -> Node | list[Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class ChatTemplate:
    """A compiled chat template."""

    def __init__(self, source: str, *, bos: str = "", eos: str = "") -> None:
        """Compile. Raises ModelFault where it is no Jinja template."""
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, autoescape=False, extensions=[_GenerationTag, loopcontrols]
        )
        environment.filters["tojson"] = _tojson
        environment.globals.update(raise_exception=_refuse, strftime_now=_now, bos_token=bos, eos_token=eos)
        try:
            self._template = environment.from_string(source)
        except jinja2.TemplateError as error:
            raise ModelFault(
                f"the model's chat template is broken: {error}", "use another GGUF file of this model"
            ) from error

    def render(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec], *, thinking: bool, prompt: bool = True
    ) -> list[Segment]:
        """The conversation, ending where the assistant begins to write. Raises ModelFault."""
        marks = _Sentinels()
        shown = [_shown(message, marks) for message in messages]
        try:
            text = self._template.render(
                messages=shown,
                tools=[_tool(tool, marks) for tool in tools] or None,
                add_generation_prompt=prompt,
                enable_thinking=thinking,
            )
        except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            raise ModelFault(
                f"the model's chat template refuses the messages: {error}", "use another GGUF file"
            ) from error
        return marks.cut(text)


class _Sentinels:
    """Stand-ins of untrusted texts, unguessable within one rendering."""

    def __init__(self) -> None:
        self.name = f"x{secrets.token_hex(12)}x"
        self.held: list[Untrusted | Past] = []

    def hide(self, segment: Untrusted | Past) -> str:
        self.held.append(segment)
        return f"{self.name}{len(self.held) - 1}x"

    def _scrap(self, text: str) -> bool:
        """Whether a piece of a sentinel is left in a text."""
        name = self.name
        return any(name[at : at + 8] in text for at in range(len(name) - 7))

    def cut(self, text: str) -> list[Segment]:
        parts = re.split(f"{self.name}([0-9]+)x", text)
        if any(self._scrap(part) for part in parts[::2]):
            raise ModelFault(
                "the model's chat template cuts messages into pieces", "use another GGUF file of this model"
            )
        segments: list[Segment] = []
        for index, part in enumerate(parts):
            if index % 2:
                segments.append(self.held[int(part)])
            elif part:
                segments.append(Trusted(part))
        return segments


def _shown(message: Message, marks: _Sentinels) -> dict[str, Any]:
    """A message as the template sees it. Empty texts stay empty, so that ``if`` works in templates."""
    shown: dict[str, Any] = {name: marks.hide(Untrusted(text)) if text else "" for name, text in message.fields.items()}
    content = message.content
    if message.tokens:
        content = marks.hide(Past(message.tokens))
    elif content:
        content = marks.hide(Untrusted(content))
    return {**shown, "role": message.role, "part": message.part, "content": content}


def _tool(tool: ToolSpec, marks: _Sentinels) -> dict[str, Any]:
    description: Any = tool.description
    parameters: Any = tool.parameters
    if tool.untrusted:
        description, parameters = _hidden(description, marks), _hidden(parameters, marks)
    function = {"name": tool.name, "description": description, "parameters": parameters}
    return {"type": "function", "function": function}


def _hidden(value: Any, marks: _Sentinels) -> Any:
    """The texts of a JSON value as sentinels, which stand for them as JSON writes them."""
    match value:
        case str() if value:
            return marks.hide(Untrusted(_tojson(value)[1:-1]))
        case dict():
            return {_hidden(name, marks): _hidden(item, marks) for name, item in value.items()}
        case list() | tuple():
            return [_hidden(item, marks) for item in value]
        case _:
            return value


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """JSON without HTML escapes, as transformers renders it."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _refuse(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)


def _now(form: str) -> str:
    return datetime.now().astimezone().strftime(form)
