"""What a turn of the winner asks for: tool calls in Qwen3's format, or the final answer.

A call is ``<tool_call>{"name": ..., "arguments": {...}}</tool_call>``, outside ``<think>``; several stand in order and
the last may lack its closing tag. Everything here takes time linear in the text.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

MAX_CALLS = 8
"""More calls than these in one turn are not read."""
MAX_DEPTH = 32
"""Of lists and objects within a call's arguments."""
SHOWN_CHARACTERS = 400
"""Of a malformed call, in events."""

_OPEN, _CLOSE = "<tool_call>", "</tool_call>"
_THINK, _END_THINK = "<think>", "</think>"
_ANSWER = "Answer:"
_JSON = json.JSONDecoder(strict=False)


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A call that can be read; whether its tool exists is not known here."""

    name: str
    arguments: dict[str, Any]


class Malformed(msgspec.Struct, frozen=True, kw_only=True):
    """A call that cannot be read."""

    text: str
    reason: str
    """What the model should do otherwise."""


def parse_calls(text: str) -> tuple[Call | Malformed, ...]:
    """The calls of a turn in order; empty where the turn is an answer."""
    visible = without_thinking(text)
    calls: list[Call | Malformed] = []
    place = visible.find(_OPEN)
    while place >= 0:
        if len(calls) == MAX_CALLS:
            calls.append(_malformed(visible[place:], f"more than {MAX_CALLS} calls in one turn; the rest was not run"))
            break
        call, end = _read(visible, place + len(_OPEN))
        calls.append(call)
        place = visible.find(_OPEN, end)
    return tuple(calls)


def final_answer(text: str) -> str:
    """What follows the last ``Answer:`` that anything follows; the whole text where there is none."""
    visible = without_thinking(text).strip()
    *earlier, last = visible.split(_ANSWER)[1:] or [""]
    # Before another "**Answer:**" stands the half of its emphasis that is not the answer's.
    answers = [*(part.rstrip().removesuffix("**") for part in earlier), last]
    said = (part.strip().removeprefix("**").strip() for part in reversed(answers))
    return next(filter(None, said), visible)


def without_thinking(text: str) -> str:
    """The text outside ``<think>``; thinking may lack its opening tag (the template wrote it) or its closing one."""
    first_end = text.find(_END_THINK)
    if first_end >= 0 and text.find(_THINK, 0, first_end) < 0:
        text = text[first_end + len(_END_THINK) :]
    kept, place = [], 0
    while (start := text.find(_THINK, place)) >= 0:
        kept.append(text[place:start])
        end = text.find(_END_THINK, start)
        if end < 0:
            return "".join(kept)
        place = end + len(_END_THINK)
    return "".join([*kept, text[place:]])


def _read(text: str, start: int) -> tuple[Call | Malformed, int]:
    """One call whose body starts at ``start``, and where reading goes on."""
    body = start
    while body < len(text) and text[body].isspace():
        body += 1
    try:
        # The value ends where JSON says so: code may well hold the text </tool_call>.
        value, end = _JSON.raw_decode(text, body)
    except json.JSONDecodeError as error:
        return _unread(text, start, f"the call is not valid JSON: {error.msg} at character {error.pos - body}")
    except (ValueError, RecursionError) as error:
        return _unread(text, start, f"the call is not valid JSON: {type(error).__name__}")
    closing = text.find(_CLOSE, end)
    following = text.find(_OPEN, end)
    stop = min((place for place in (closing, following) if place >= 0), default=len(text))
    if text[end:stop].strip():
        return _unread(text, start, "there is text after the call's JSON object")
    return _checked(value, text[start:stop]), stop


def _unread(text: str, start: int, reason: str) -> tuple[Malformed, int]:
    ends = (place for place in (text.find(_CLOSE, start), text.find(_OPEN, start)) if place >= 0)
    stop = min(ends, default=len(text))
    return _malformed(text[start:stop], reason), stop


def _checked(value: object, text: str) -> Call | Malformed:
    if not isinstance(value, dict):
        return _malformed(text, 'a call is one JSON object: {"name": ..., "arguments": {...}}')
    name, arguments = value.get("name"), value.get("arguments", {})
    if not isinstance(name, str) or not name:
        return _malformed(text, 'the call has no "name"')
    if isinstance(arguments, str):
        try:
            arguments = _JSON.decode(arguments)
        except (ValueError, RecursionError):
            return _malformed(text, '"arguments" must be a JSON object, not a text')
    if not isinstance(arguments, dict):
        return _malformed(text, '"arguments" must be a JSON object')
    if _depth(arguments) > MAX_DEPTH:
        return _malformed(text, f'"arguments" are nested deeper than {MAX_DEPTH}')
    try:
        # A tool gets exactly what the event will say: no lone surrogates, no numbers without end.
        name, arguments = msgspec.json.decode(msgspec.json.encode((name, arguments)))
    except (ValueError, OverflowError):
        return _malformed(text, "the call holds characters or numbers that are not valid")
    return Call(name=name, arguments=arguments)


def _depth(value: object) -> int:
    depth, level = 0, [value]
    while level and depth <= MAX_DEPTH:
        level = [inner for item in level for inner in _within(item)]
        depth += 1
    return depth


def _within(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _malformed(text: str, reason: str) -> Malformed:
    shown = text.strip()
    if len(shown) > SHOWN_CHARACTERS:
        shown = f"{shown[:SHOWN_CHARACTERS]} [... {len(shown) - SHOWN_CHARACTERS} characters more]"
    return Malformed(text=shown.encode("utf-8", "replace").decode(), reason=reason)
