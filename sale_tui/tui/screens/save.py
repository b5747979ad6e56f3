"""Asks for a folder and copies the workspace of a run into it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from sale_tui.agent.workspace import save_copy
from sale_tui.errors import SaleError
from sale_tui.tui.format import plural
from sale_tui.tui.widgets.line_input import LineInput
from sale_tui.tui.widgets.text import PlainText
from sale_tui.tui.widgets.top_bar import StatusLine


class SaveScreen(ModalScreen[None]):
    """Enter saves, Escape leaves; what went wrong is said and the folder can be changed."""

    CSS_PATH = Path(__file__).with_suffix(".tcss")
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Leave", show=False)]

    def __init__(self, workspace: Path) -> None:
        super().__init__()
        self._workspace = workspace
        self._done = False

    def compose(self) -> ComposeResult:
        yield StatusLine()
        with Vertical(id="save"):
            yield PlainText(("Save a copy of the workspace into which folder?", "bold"))
            yield PlainText((str(self._workspace), "$quiet"))
            yield LineInput(str(Path.cwd() / f"sale-{self._workspace.name}"), id="folder")
            yield PlainText(("Enter saves · Esc leaves", "$quiet"), id="result")

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self._done:
            self.dismiss()
            return
        result = self.query_one("#result", PlainText)
        if not event.value.strip():
            result.show(("✗ name a folder", "$text-error"))
            return
        try:
            target = Path(event.value.strip()).expanduser()
            saved = await asyncio.to_thread(save_copy, self._workspace, target)
        except SaleError as fault:
            result.show((f"✗ {fault.message}" + (f" → {fault.hint}" if fault.hint else ""), "$text-error"))
        except (OSError, ValueError, RuntimeError) as fault:
            result.show((f"✗ {fault}", "$text-error"))
        else:
            self._done = True
            left_out = f", without {', '.join(saved.skipped)}" if saved.skipped else ""
            result.show(
                (f"✓ {plural(saved.files, 'file')} saved to ", "$text-success"),
                f"{target}{left_out}",
                (" · Enter closes", "$quiet"),
            )

    def action_leave(self) -> None:
        self.dismiss()
