"""The first line: pool, models, memory, sandbox."""

from __future__ import annotations

from textual.content import Content

from sale_tui.tui.format import megabytes
from sale_tui.tui.state import AppState
from sale_tui.tui.widgets.text import PlainText, words

BAR = 10
"""Cells of a progress bar."""
SANDBOX = {"strong": "$text-success", "full": "$text-success", "reduced": "$text-warning", "none": "$text-error"}


class TopBar(PlainText):
    """``draw`` it from the state."""

    DEFAULT_CSS = "TopBar { dock: top; height: 1; padding: 0 1; background: $panel; color: $quiet; }"

    def draw(self, state: AppState) -> None:
        """Left: whose models. Right: what they run in; shortened where there is no room."""
        left = words(("sale-tui", "bold $primary"), "  pool ", (state.pool, "$foreground"))
        room = max(self.size.width - left.cell_length - 2, 0)
        right = status(state, full=True)
        if right.cell_length > room:
            right = status(state, full=False).truncate(room, ellipsis=True)
        self.show(left, " " * (room - right.cell_length + 2), right)


def _reading(state: AppState) -> Content:
    """A bar while the user's documents are being indexed."""
    reading = state.documents
    if reading is None or reading.finished:
        return Content("")
    full = BAR * reading.done // max(reading.total, 1)
    share = f"{'█' * full}{'░' * (BAR - full)} {reading.done} of {reading.total}"
    return words("documents ", (share, "$text-warning"), " · ")


def status(state: AppState, full: bool) -> Content:
    """The right half of the line; shorter where not ``full``."""
    agents = len(state.board.bidders)
    loaded = f"{len(state.models)} of {agents}"
    size = sum(facts.file_bytes for facts in state.models.values())
    devices = sorted({facts.device for facts in state.models.values()})
    models = words("models ", (loaded, "$text-warning" if state.lost else "$foreground"))
    if full and size:
        models = words(models, f" on {', '.join(devices)}, {megabytes(size)}")
    sandbox = state.sandbox or "…"
    return words(_reading(state), models, " · sandbox ", (sandbox, SANDBOX.get(sandbox, "")))
