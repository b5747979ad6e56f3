"""A long text in pages, cut where it does not hurt, with the links that a page speaks of."""

from __future__ import annotations

import re
from collections.abc import Sequence

LEAST = 500
"""Characters of a page, in however small a context."""
LINK_CHARACTERS = 300
_NUMBER = re.compile(r"\[(\d{1,4})\]")


def paginate(text: str, characters: int) -> list[str]:
    """Pages of at most ``characters``, cut at paragraphs, lines or words where that can be; never none."""
    size = max(characters, LEAST)
    pages: list[str] = []
    place = 0
    while len(text) - place > size:
        cuts = (text.rfind(mark, place + size // 2, place + size) for mark in ("\n\n", "\n", " "))
        end = next((cut for cut in cuts if cut > 0), place + size)
        pages.append(text[place:end].strip())
        place = end
    return [*pages, text[place:].strip()]


def links_of(page: str, links: Sequence[str], characters: int) -> str:
    """A line a link that the page has the number of, as many as fit; empty where it has none."""
    lines: list[str] = []
    used = 0
    for number in dict.fromkeys(int(match.group(1)) for match in _NUMBER.finditer(page)):
        if not 1 <= number <= len(links):
            continue
        line = f"[{number}] {links[number - 1][:LINK_CHARACTERS]}"
        used += len(line) + 1
        if used > characters:
            break
        lines.append(line)
    return "\n".join(lines)
