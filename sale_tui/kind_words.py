"""A guess at a task's kind from its words alone, for when no embedding can be had."""

from __future__ import annotations

import re

from sale_tui.types import Kind

_ASKING = re.compile(
    r"\s*(?:who|whom|whose|when|where|which|what|how (?:tall|old|far|long|high|big|large|many people)|find"
    r"|(?:in|on|from) (?:what|which)|look|search|name|tell me|read|according)\b",
    re.IGNORECASE,
)
_PROGRAMS = re.compile(
    r"[\[\]{}=%]|\d\s*,\s*-?\d|\b(?:functions?|lists?|strings?|numbers?|sort|sorted|python|program|code|script|output|sum|median"
    r"|words?|letters?|prime|triangular|squares?|deviation|subsequence|substring|weighted)\b",
    re.IGNORECASE,
)


def kind_by_words(text: str) -> Kind:
    """``search`` for what asks (who, where, find ...) and shows no code and no row of numbers; else ``coding``."""
    return "search" if _ASKING.match(text) and not _PROGRAMS.search(text) else "coding"
