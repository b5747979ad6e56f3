"""What the code of models runs in: the tier of the sandbox and the limits of every program."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen

from sale_tui.tier_words import warning
from sale_tui.tui.format import count, limit_rows, seconds
from sale_tui.tui.sale import sale_of
from sale_tui.tui.state import AppState
from sale_tui.tui.widgets.text import PlainText, labelled, words
from sale_tui.tui.widgets.top_bar import SANDBOX, StatusLine
from sale_tui.types import SandboxTier

HOLDS: dict[SandboxTier, str] = {
    "strong": "a kernel of its own: no network, no files outside, one folder to write",
    "full": "no network, no files outside, one folder to write",
}


class BoxScreen(ModalScreen[None]):
    """Escape closes it."""

    CSS_PATH = Path(__file__).with_suffix(".tcss")
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,f2,q,enter", "leave", "Close", show=False)]

    def compose(self) -> ComposeResult:
        yield StatusLine()
        yield VerticalScroll(PlainText(id="limits"), id="box")

    def on_plain_text_resized(self) -> None:
        text = self.query_one("#limits", PlainText)
        text.show(Content("\n").join(box_lines(sale_of(self.app).state, text.size.width)))

    def action_leave(self) -> None:
        self.dismiss()


def box_lines(state: AppState, width: int) -> list[Content]:
    """Tier and limits, wrapped to a width."""
    tier = state.sandbox
    lines = [words(("Sandbox: ", "bold $text-primary"), (tier or "not known yet", SANDBOX.get(tier or "", "")))]
    if tier is not None:
        lines.append(labelled("  ", width, warning(tier) or HOLDS.get(tier, "")))
    if state.box_limits is not None:
        lines += [Content(""), words(("Limits of a program", "bold $text-primary"))]
        lines += [_row(name, text, width) for name, text in limit_rows(state.box_limits, state.box_seconds)]
    if state.run is not None:
        bounds = state.run.started.limits
        told = f"{count(bounds.steps)} steps, {count(bounds.tokens)} tokens, {seconds(bounds.seconds)}"
        lines += [Content(""), words(("Limits of this run", "bold $text-primary")), labelled("  ", width, told)]
    lines += [
        Content(""),
        words(("Settings such as sandbox_memory change them. Esc closes this.", "$quiet")),
    ]
    return lines


def _row(name: str, text: str, width: int) -> Content:
    return labelled(f"  {name:<11} ", width, text)
