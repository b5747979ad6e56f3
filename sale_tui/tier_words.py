"""What a user has to know of a sandbox that does not hold everything; the same words in the app and headless."""

from __future__ import annotations

from collections.abc import Mapping

from sale_tui.types import SandboxTier

WARNINGS: Mapping[SandboxTier, tuple[str, ...]] = {
    "unsafe": (
        "UNSAFE: no sandbox. Code of models runs with all your rights (--unsafe-no-sandbox, this launch only)",
        "UNSAFE: no sandbox. Code of models runs with all your rights",
        "NO SANDBOX: code has all your rights",
        "NO SANDBOX: unsafe",
        "UNSAFE",
    ),
    "reduced": (
        "reduced sandbox: code can see names, sizes and times of files outside, and has no servers of its own",
        "reduced sandbox: code can see names of files outside",
        "reduced sandbox: names are visible",
        "reduced sandbox",
        "reduced",
    ),
    "none": (
        "no sandbox: tools that run code are withheld; `sale-tui doctor` says what to type",
        "no sandbox, no code tools; type `sale-tui doctor`",
        "no code tools: `sale-tui doctor`",
        "no sandbox",
        "none",
    ),
}
"""By tier, the longest wording first, each a line; a tier that is not here needs no warning."""


def warning(tier: SandboxTier | None, width: int | None = None) -> str:
    """The longest wording that fits ``width`` cells, else the shortest; empty where none is needed."""
    wordings = WARNINGS.get(tier, ()) if tier is not None else ()
    if not wordings:
        return ""
    return next((text for text in wordings if width is None or len(text) <= width), wordings[-1])
