"""What a server says, made safe to hand on: names, schemas, results. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sale_tui.agent.tools.base import BadArguments, signature
from sale_tui.literal import literal, literal_line
from sale_tui.types import ToolSpec

MAX_TOOLS = 40
DESCRIPTION_CHARACTERS = 600
SCHEMA_CHARACTERS = 6000
SCHEMA_DEPTH = 24
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


def spec_of(server: str, name: str, description: str, schema: object) -> ToolSpec:
    """The spec of one of a server's tools. Raises ValueError saying why it cannot be offered."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{literal_line(name, 40)!r} is no name of a tool")
    plain = _literal_json(schema, SCHEMA_DEPTH)
    if not isinstance(plain, dict) or plain.get("type", "object") != "object":
        raise ValueError(f"{name}: its arguments are no JSON object")
    properties, required = plain.get("properties", {}), plain.get("required", [])
    if not isinstance(properties, dict) or not all(isinstance(each, dict | bool) for each in properties.values()):
        raise ValueError(f"{name}: its schema is wrong")
    if not isinstance(required, list) or not all(isinstance(each, str) for each in required):
        raise ValueError(f"{name}: its schema is wrong")
    if len(json.dumps(plain)) > SCHEMA_CHARACTERS:
        raise ValueError(f"{name}: its schema has more than {SCHEMA_CHARACTERS} characters")
    said = literal(description)
    return ToolSpec(
        name=f"{server}_{name}",
        description=said if len(said) <= DESCRIPTION_CHARACTERS else f"{said[:DESCRIPTION_CHARACTERS]}…",
        parameters={**plain, "type": "object", "properties": properties, "required": required},
        untrusted=True,
    )


def check_arguments(spec: ToolSpec, arguments: Mapping[str, object]) -> None:
    """What can be told at first sight; the rest is the server's. Raises BadArguments."""
    properties, required = spec.parameters["properties"], spec.parameters["required"]
    if not isinstance(properties, Mapping) or not isinstance(required, Sequence):
        return
    takes = f"{spec.name} takes {signature(spec)}"
    for name in required:
        if name not in arguments:
            raise BadArguments(f"the argument {name!r} is missing; {takes}")
    for name, value in arguments.items():
        if name not in properties:
            if spec.parameters.get("additionalProperties") is False:
                raise BadArguments(f"there is no argument {name[:40]!r}; {takes}")
            continue
        wanted = properties[name].get("type") if isinstance(properties[name], Mapping) else None
        kinds = _TYPES.get(wanted) if isinstance(wanted, str) else None
        if kinds is not None and (not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds)):
            raise BadArguments(f"the argument {name!r} must be {wanted}; {takes}")


def text_of(blocks: Sequence[Any], structured: object) -> str:
    """The text of a result, literal; of what is no text only that it is there."""
    parts = []
    for block in blocks:
        kind = str(getattr(block, "type", "something"))
        text = getattr(block, "text", None)
        if text is None:
            text = getattr(getattr(block, "resource", None), "text", None)
        if isinstance(text, str):
            parts.append(text)
        elif kind == "resource_link":
            parts.append(f"[link: {getattr(block, 'uri', '')}]")
        else:
            parts.append(f"[{kind}, not shown]")
    if not parts and structured is not None:
        parts.append(json.dumps(structured, ensure_ascii=False, default=str))
    return literal("\n".join(parts))


def _literal_json(value: object, depth: int) -> object:
    if depth < 0:
        raise ValueError("a schema is nested too deep")
    match value:
        case str():
            return literal(value)
        case dict():
            return {literal(str(key)): _literal_json(item, depth - 1) for key, item in value.items()}
        case list():
            return [_literal_json(item, depth - 1) for item in value]
        case None | bool() | int() | float():
            return value
        case _:
            raise ValueError("a schema holds what is no JSON")
