"""All keys, from the one table, and what the numbers mean."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen

from sale_tui.tui.actions import SCOPES, actions_of
from sale_tui.tui.sale import sale_of
from sale_tui.tui.screens.box import box_lines
from sale_tui.tui.widgets.text import PlainText, labelled, words
from sale_tui.tui.widgets.top_bar import StatusLine
from sale_tui.types import Pool

MEANINGS = (
    ("cost", "the cost weight × price × tokens of the plan, over the cost scale"),
    ("value", "the weighed entropy of the plan and the weighed marks of every juror, each over its scale"),
    ("total", "cost − value; the least wins"),
    ("entropy", "how many ways the model saw at each token of its plan, in nats, on average"),
    ("mark", "0 to 5, by every model of the pool for every plan, its own included"),
    ("*", "was missing and was filled in so that it neither helps nor hurts"),
    ("≈", "an estimate"),
)


class HelpScreen(ModalScreen[None]):
    """Escape closes it."""

    CSS_PATH = Path(__file__).with_suffix(".tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,f1,q,enter", "leave", "Close", show=False),
    ]

    def __init__(self, pool: Pool) -> None:
        super().__init__()
        self._pool = pool

    def compose(self) -> ComposeResult:
        yield StatusLine()
        yield VerticalScroll(PlainText(id="keys"), id="help")

    def on_plain_text_resized(self) -> None:
        text = self.query_one("#keys", PlainText)
        text.show(Content("\n").join(self._lines(text.size.width)))

    def _lines(self, width: int) -> list[Content]:
        lines: list[Content] = []
        for scope, title in SCOPES.items():
            lines.append(words((title, "bold $text-primary")))
            lines += [_row(action.shown, action.help, width) for action in actions_of(scope)]
            lines.append(Content(""))
        lines.append(words(("What the numbers mean", "bold $text-primary")))
        lines += [_row(name, meaning, width) for name, meaning in MEANINGS]
        lines += [Content(""), *box_lines(sale_of(self.app).state, width)]
        lines += [Content(""), words(("Pool", "bold $text-primary"))]
        lines.append(_row(self._pool.name, self._pool.note or self._pool.path, width))
        return lines

    def action_leave(self) -> None:
        self.dismiss()


def _row(name: str, meaning: str, width: int) -> Content:
    return labelled(f"  {name:<12} ", width, meaning)
