"""A diff as it is read: what comes, what goes, and where."""

from __future__ import annotations

from sale_tui.tui.format import excerpt
from sale_tui.tui.widgets.text import Part

SHOWN = 100_000
"""Characters that are shown whole; no more stands in an event."""
_STYLES = (
    ("+++", "bold"), ("---", "bold"), ("diff ", "bold $text-primary"), ("@@", "$text-accent"),
    ("+", "$text-success"), ("-", "$text-error"),
)  # fmt: skip


def diff_parts(diff: str) -> list[Part]:
    """Its lines in the colours of what they do, neighbours of one colour together; none where it is empty."""
    if not diff:
        return []
    parts: list[tuple[str, str]] = []
    for line in ["", *excerpt(diff, SHOWN).split("\n")]:
        style = next((style for start, style in _STYLES if line.startswith(start)), "")
        if parts and parts[-1][1] == style:
            parts[-1] = (f"{parts[-1][0]}\n{line}", style)
        else:
            parts.append((f"\n{line}" if parts else line, style))
    return list(parts)
