"""How far a task has come: one word a phase, one of them marked, and the seconds so far."""

from __future__ import annotations

from sale_tui.events import Phase
from sale_tui.tui.format import duration
from sale_tui.tui.state import AppState
from sale_tui.tui.widgets.text import Part, PlainText, words

STAGES = ("load", "bid", "judge", "refine", "award", "run", "done")
_STAGE_OF: dict[Phase, int] = {
    "loading": 0,
    "bidding": 1,
    "judging": 2,
    "refining": 3,
    "awarding": 4,
    "running": 5,
    "done": 6,
}
BEAT = 0.2
"""Seconds between two looks of the line where nothing happens: more would only cost power."""
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class PhaseLine(PlainText):
    """``draw`` it from the state and the present time."""

    DEFAULT_CSS = "PhaseLine { height: 1; padding: 0 1; }"

    def draw(self, state: AppState, now: float, still: bool = False) -> None:
        """``now`` on the clock of the events; ``still``: no moving sign (for pictures)."""
        passed = max((now if state.busy else state.now) - state.started, 0.0) if state.started else None
        if passed is not None and state.busy and not still:
            passed -= passed % BEAT
        stage = stage_of(state)
        stopped = state.error is not None and not state.busy
        parts: list[Part] = []
        for place, name in enumerate(STAGES):
            if place:
                parts.append((" ─ " if self.size.width >= 72 else " ", "$faint"))
            if place < stage or (place == stage == len(STAGES) - 1):
                parts.append((f"✓ {name}", "$text-success"))
            elif place == stage and stopped:
                parts.append((f"✗ {name}", "bold $text-error"))
            elif place == stage:
                sign = "●" if still else SPINNER[int(now / BEAT) % len(SPINNER)]
                parts.append((f"{sign} {name}", "bold $text-primary"))
            else:
                parts.append((f"○ {name}", "$faint"))
        line = words(*parts)
        spent = words((duration(passed) if passed is not None else "", "$quiet"))
        gap = max(self.size.width - line.cell_length - spent.cell_length, 1)
        self.show(line, " " * gap, spent)


def stage_of(state: AppState) -> int:
    """The furthest stage that was reached; refined plans are judged within ``refine``."""
    return max((_STAGE_OF[phase] for phase, _ in state.phases), default=0)
