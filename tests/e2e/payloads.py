"""Texts that try to steer a terminal or an interface, and what tells whether one of them got through.

The number 7313 stands in every sequence that is a payload's: whatever the app writes itself never holds it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from sale_tui.literal import literal_line

OURS = "7313"
SEPARATOR = " ~ "
"""Its tilde ends a sequence that a payload left open, so that the mark after it is seen."""
MARK = re.compile(r"q(\d{3})k")

_STRINGS = {"osc": ("\x1b]", "\x9d"), "dcs": ("\x1bP", "\x90"), "apc": ("\x1b_", "\x9f"), "pm": ("\x1b^", "\x9e"),
            "sos": ("\x1bX", "\x98")}  # fmt: skip
_BODIES = (f"0;{OURS}", f"52;c;{OURS}", f"8;;http://{OURS}", f"+q{OURS}", f"1337;File={OURS}")
_ENDS = ("\x07", "\x1b\\", "\x9c", "", "\n")
_CSI = ("m", "H", "J", "K", "n", "c", "q", "t", "r", "h", "l", "u", "y", "~", "@", "", " q", "$p", "!p", "?h", ">c")
_ESCAPES = ("c", "7", "8", "D", "E", "M", "H", "N", "O", "Z", "=", ">", "#8", "(0", "%G", " F")
_BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_INVISIBLE = "\u2028\u2029\ufeff\ufff9\ufffa\ufffb\U000e0001\U000e0041\U000e007f"
_MARKUP = (
    "[red]", "[/]", "[/red]", "[@click=app.quit]x[/]", "[link=http://x]y[/link]", "[bold", "[[", "[]", "[$primary]",
    "[on red]", "[blink]z", "[/@click]", "[not a tag]", "\\[red]", "[b][i][/b][/i]", "[@click='app.bell']", "{0}",
    "%s", "$text", "![a](b)", "[a](http://b)", "<b>x</b>", "`x`", "&lt;", "[=red]", "[#ff0000]q[/#ff0000]",
)  # fmt: skip


def _all() -> Iterator[str]:
    for seven, eight in _STRINGS.values():
        for place, body in enumerate(_BODIES):
            yield f"{seven}{body}{_ENDS[place]}"
            yield f"{eight}{body}{_ENDS[-1 - place]}"
    for end in _CSI:
        yield f"\x1b[{OURS}{end}"
        yield f"\x9b{OURS}{end}"
    yield from (f"\x1b{end}" for end in _ESCAPES)
    yield from (
        f"\x1b\x1b[{OURS}m",
        f"\x1b[3\x1b[{OURS}m",
        f"\x1b]\x1b]0;{OURS}\x07\x07",
        f"\x9b\x9b{OURS}m",
        "\x1b\r[31m",
    )
    yield from (chr(code) for code in (*range(0x20), 0x7F) if chr(code) not in "\n\t")
    yield from (chr(code) for code in range(0x80, 0xA0))
    yield from (f"ab{sign}cd" for sign in _BIDI + _INVISIBLE)
    yield from _MARKUP


PAYLOADS = tuple(_all())
CONTROLLING = tuple(payload for payload in PAYLOADS if payload not in _MARKUP)
"""Those of which no trace may be left; the others are to be seen as they are."""


def marked(place: int) -> str:
    """A payload behind a mark of its own."""
    return f"q{place:03d}k{PAYLOADS[place]}"


def batches(size: int) -> list[str]:
    """All payloads on lines of at most so many; one that swallows what follows it stands at the end of its line."""
    found: list[str] = []
    line: list[str] = []
    for place in range(len(PAYLOADS)):
        line.append(marked(place))
        swallows = not literal_line(f"{PAYLOADS[place]}{SEPARATOR}end").endswith(" end")
        if swallows or len(line) == size:
            found.append(SEPARATOR.join(line))
            line = []
    return [*found, SEPARATOR.join(line)] if line else found


_OWN = re.compile(
    r"""
    \x1b\[[0-9;:]*m                           # colours and styles
    | \x1b\[[0-9;]*[HJK]                      # cursor and erasing
    | \x1b\[\?[0-9;]+(?:[hl]|\$p)             # modes, and asking for them
    | \x1b\[[<>=]?[0-9;]*u                    # keyboard protocol
    | \x1b\[[0-9;]*t | \x1b\[c | \x1b\[0?c | \x1b\[[0-9]*\ q
    | \x1b\]22;[a-z-]*(?:\x1b\\|\x07)         # shape of the pointer
    """,
    re.VERBOSE,
)
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)


def smuggled(output: bytes) -> list[str]:
    """What a terminal was sent that the app does not write by itself, each with what stands around it."""
    text = output.decode("utf-8", "surrogateescape")
    found = [match.group() for match in _OWN.finditer(text) if OURS in match.group()]
    rest = _OWN.sub("", text)
    found += [rest[max(match.start() - 20, 0) : match.end() + 20] for match in _FORBIDDEN.finditer(rest)]
    return [json.dumps(each) for each in found]


def marks_in(text: str) -> set[int]:
    """Numbers of the payloads whose marks a text shows."""
    return {int(match.group(1)) for match in MARK.finditer(text)}


TEXTS = {
    "text", "plan", "reason", "hint", "message", "task", "losing_plan", "winning_plan", "output", "answer", "summary",
    "code", "thinking", "workspace", "title", "document", "tool", "device", "architecture", "pool", "withheld", "tools",
    "call", "leaves", "why", "covers", "detail", "rule", "notes", "losing_agent", "winning_agent",
}  # fmt: skip
KEPT = {"call"}
"""Named so in some events where it is an id."""


def poisoned(value: Any, text: str, key: str = "") -> Any:
    """An event as JSON with ``text`` in place of everything that others have said."""
    match value:
        case dict():
            ids = KEPT if value.get("event") in {"tool_called", "tool_finished"} else set()
            return {name: item if name in ids else poisoned(item, text, name) for name, item in value.items()}
        case [str(), str() as kind, float() as near] if key == "neighbours":
            return [text, kind, near]
        case list():
            return [poisoned(item, text, key) for item in value]
        case str() if key in TEXTS:
            return text
    return value
