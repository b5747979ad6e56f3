"""A document's title and the passages that are found one by one."""

from __future__ import annotations

import re
from collections.abc import Iterator

PASSAGE_CHARACTERS = 900
"""Longest passage: about what the embedding model reads of a text."""
MOST_PASSAGES = 5000
"""Of one document; the rest is not found by search, but opened."""

_BLANK_LINES = re.compile(r"\n[ \t\r]*\n\s*")
_UNDERLINE = re.compile(r"^[=\-~^*#]{3,}\s*$")


def title_of(name: str, text: str) -> str:
    """Its first heading, or its file's name."""
    lines = [line.strip() for line in text.lstrip()[:2000].splitlines()[:6] if line.strip()]
    # A title of reStructuredText may have a line above it as well.
    if lines and _UNDERLINE.match(lines[0]):
        lines = lines[1:]
    if lines and lines[0].startswith("# ") and not name.endswith((".py", ".sh", ".toml", ".yaml", ".yml", ".cfg")):
        return lines[0][2:].strip()[:200]
    if len(lines) > 1 and _UNDERLINE.match(lines[1]):
        return lines[0][:200]
    return name.rpartition("/")[2]


def passages_of(text: str) -> list[str]:
    """Paragraphs, short ones together, long ones cut; at most MOST_PASSAGES."""
    found: list[str] = []
    held = ""
    for block in _blocks(text):
        if held and len(held) + len(block) + 2 > PASSAGE_CHARACTERS:
            found.append(held)
            held = ""
            if len(found) >= MOST_PASSAGES:
                return found
        held = f"{held}\n\n{block}" if held else block
    return [*found, held] if held else found


def _blocks(text: str) -> Iterator[str]:
    for paragraph in _BLANK_LINES.split(text.strip()):
        block = paragraph.strip()
        while len(block) > PASSAGE_CHARACTERS:
            cuts = (block.rfind(mark, PASSAGE_CHARACTERS // 2, PASSAGE_CHARACTERS) for mark in ("\n", ". ", " "))
            cut = next((place + 1 for place in cuts if place > 0), PASSAGE_CHARACTERS)
            yield block[:cut].rstrip()
            block = block[cut:].lstrip()
        if block:
            yield block
