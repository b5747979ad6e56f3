"""The first line: pool, models, sandbox; below it a line that cannot be hidden where the sandbox does not hold all."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from sale_tui.literal import literal_line
from sale_tui.tier_words import warning
from sale_tui.tui.format import megabytes
from sale_tui.tui.sale import sale_of
from sale_tui.tui.state import AppState
from sale_tui.tui.widgets.text import PlainText, words

BAR = 10
"""Cells of a progress bar."""
LEAST = 20
"""Cells that the left half keeps before the right one is shortened."""
SANDBOX = {
    "strong": "$text-success",
    "full": "$text-success",
    "reduced": "$text-warning",
    "none": "$text-error",
    "unsafe": "bold $text-error",
}


class TopBar(PlainText):
    """``draw`` it from the state."""

    DEFAULT_CSS = "TopBar { height: 1; padding: 0 1; background: $panel; color: $quiet; }"

    def draw(self, state: AppState) -> None:
        """Left: whose models. Right: what they run in. All else is shortened before the tier of the sandbox."""
        width = self.size.width
        tier = _tier(state)
        if tier.cell_length > width:
            tier = words((state.sandbox or "…", SANDBOX.get(state.sandbox or "", "")))
        left = words(("sale-tui", "bold $primary"), "  pool ", (literal_line(state.pool), "$foreground"))
        room = max(width - tier.cell_length, 0)
        right = Content("")
        for middle in (_middle(state, full=True), _middle(state, full=False), _reading(state), Content("")):
            right = middle
            if room - middle.cell_length - 2 >= min(left.cell_length, LEAST):
                break
        left = left.truncate(max(room - right.cell_length - 2, 0), ellipsis=True)
        self.show(left, " " * (room - right.cell_length - left.cell_length), right, tier)


class Banner(PlainText):
    """One line on a sandbox that does not hold everything."""

    DEFAULT_CSS = """
    Banner {
        height: 1; padding: 0 1; display: none;
        &.-reduced, &.-none { display: block; background: $warning 25%; color: $text-warning; }
        &.-unsafe { display: block; background: #b3261e; color: #ffffff; text-style: bold; }
    }
    """

    def draw(self, state: AppState) -> None:
        """Show what has to be known, in as many words as fit."""
        for tier in ("reduced", "none", "unsafe"):
            self.set_class(state.sandbox == tier, f"-{tier}")
        self.show(warning(state.sandbox, self.size.width or None))


class StatusLine(Vertical):
    """Both lines, at the top of every screen; draws itself when it appears or takes another size."""

    DEFAULT_CSS = "StatusLine { dock: top; height: auto; }"

    def __init__(self) -> None:
        super().__init__()
        self._bar, self._banner = TopBar(), Banner()

    def compose(self) -> ComposeResult:
        yield self._bar
        yield self._banner

    def on_mount(self) -> None:
        self.draw(sale_of(self.app).state)

    def on_plain_text_resized(self) -> None:
        self.draw(sale_of(self.app).state)

    def draw(self, state: AppState) -> None:
        """Show the state."""
        self._bar.draw(state)
        self._banner.draw(state)


def _reading(state: AppState) -> Content:
    """A bar while the user's documents are being indexed."""
    reading = state.documents
    if reading is None or reading.finished:
        return Content("")
    full = BAR * reading.done // max(reading.total, 1)
    share = f"{'█' * full}{'░' * (BAR - full)} {reading.done} of {reading.total}"
    return words("documents ", (share, "$text-warning"), " · ")


def _tier(state: AppState) -> Content:
    sandbox = state.sandbox or "…"
    return words("sandbox ", (sandbox, SANDBOX.get(sandbox, "")))


def _middle(state: AppState, full: bool) -> Content:
    agents = len(state.board.bidders)
    loaded = f"{len(state.models)} of {agents}"
    size = sum(facts.file_bytes for facts in state.models.values())
    devices = sorted({literal_line(facts.device) for facts in state.models.values()})
    models = words("models ", (loaded, "$text-warning" if state.lost else "$foreground"))
    if full and size:
        models = words(models, f" on {', '.join(devices)}, {megabytes(size)}")
    return words(_reading(state), models, " · ")


def status(state: AppState, full: bool) -> Content:
    """The right half of the line; shorter where not ``full``."""
    return words(_middle(state, full), _tier(state))
