"""Asks for a file and writes auctions into it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from sale_tui.errors import SaleError
from sale_tui.tui.format import plural
from sale_tui.tui.sale import sale_of
from sale_tui.tui.widgets.line_input import LineInput
from sale_tui.tui.widgets.text import PlainText
from sale_tui.tui.widgets.top_bar import StatusLine


class ExportScreen(ModalScreen[None]):
    """Enter writes, Escape leaves; what went wrong is said and the name can be changed."""

    CSS_PATH = Path(__file__).with_suffix(".tcss")
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Leave", show=False)]

    def __init__(self, auctions: Sequence[str]) -> None:
        """``auctions``: ids."""
        super().__init__()
        self._auctions = auctions
        self._done = False

    def compose(self) -> ComposeResult:
        name = f"auction-{self._auctions[0]}" if len(self._auctions) == 1 else "auctions"
        yield StatusLine()
        with Vertical(id="export"):
            yield PlainText((f"Write {plural(len(self._auctions), 'auction')} to which file?", "bold"))
            yield PlainText(("A name that ends in .md gives Markdown, one in .json gives JSON.", "$quiet"))
            yield LineInput(str(Path.cwd() / f"{name}.md"), id="file")
            yield PlainText(("Enter writes · Esc leaves", "$quiet"), id="result")

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self._done:
            self.dismiss()
            return
        result = self.query_one("#result", PlainText)
        if not event.value.strip():
            result.show(("✗ name a file", "$text-error"))
            return
        result.show(("writing…", "$quiet"))
        try:
            file = Path(event.value.strip()).expanduser()
            written = await sale_of(self.app).past.export(self._auctions, file)
        except SaleError as fault:
            result.show((f"✗ {fault.message}" + (f" → {fault.hint}" if fault.hint else ""), "$text-error"))
        except (OSError, ValueError, RuntimeError) as fault:
            result.show((f"✗ {fault}", "$text-error"))
        else:
            self._done = True
            result.show(
                (f"✓ {plural(written, 'auction')} in ", "$text-success"), str(file), (" · Enter closes", "$quiet")
            )

    def action_leave(self) -> None:
        self.dismiss()
