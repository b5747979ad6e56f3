"""Untrusted text made literal: what models, tools, files and tasks say may be read, never obeyed by a terminal.

Removes terminal control sequences (whole where they are well formed), control characters, direction overrides,
tag characters and lone surrogates. Markup of any interface is not this module's business.
"""

from __future__ import annotations

import re
import unicodedata

_SEQUENCES = re.compile(
    r"""
    (?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?                            # CSI, complete or cut off
    | (?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])                       # OSC, DCS, SOS, PM, APC ...
      [^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c|$|(?=[\x1b\n]))      # ... to its end, or to the end of the line
    | \x1b[ -/]*[0-~]?                                           # any other escape
    """,
    re.VERBOSE,
)
_BREAKS = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {
    chr(code) for block in (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0)) for code in block
}
"""Letters and selectors that take no ink."""
_SURROGATES = re.compile(r"[\ud800-\udfff]")


def literal(text: str) -> str:
    """The text as it may be printed: newlines and tabs stay, every other control is gone.

    Idempotent; the result always encodes to UTF-8.
    """
    plain = _BREAKS.sub("\n", text)
    stripped = _SEQUENCES.sub("", plain)
    return _SURROGATES.sub("\ufffd", _UNSEEN.sub("", stripped))


def literal_line(text: str, width: int = 0) -> str:
    """The same on one line, white space collapsed; cut to ``width`` characters with an ellipsis where width > 0."""
    line = " ".join(literal(text).split())
    if width and len(line) > width:
        return line[: max(width - 1, 0)] + "…"
    return line


def unseen(text: str) -> int:
    """How many characters of a text nobody sees: what ``literal`` takes away, joiners, fillers, private signs."""
    return sum(_hidden(character) for character in text)


def _hidden(character: str) -> bool:
    if character in "\n\t":
        return False
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn"} or character in _BLANK
