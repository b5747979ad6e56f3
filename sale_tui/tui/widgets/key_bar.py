"""The last line: the keys that work now, as many as fit, the dearest first."""

from __future__ import annotations

from collections.abc import Collection

from textual.content import Content
from textual.events import Click

from sale_tui.tui.actions import Action, Scope, actions_of
from sale_tui.tui.widgets.text import PlainText, words


class KeyBar(PlainText):
    """``draw`` it with the names of the actions that do something now."""

    DEFAULT_CSS = "KeyBar { dock: bottom; height: 1; padding: 0 1; background: $panel; color: $quiet; }"

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self._actions = (*actions_of(scope), *actions_of("app"))
        self._places: list[tuple[int, int, Action]] = []

    def draw(self, enabled: Collection[str], labels: dict[str, str] | None = None) -> None:
        """``enabled``: names of actions beside those of the app. ``labels``: others than the table's, by name."""
        labels = labels or {}
        able = [
            (action, labels.get(action.name, action.label))
            for action in self._actions
            if action.label and (action.name in enabled or "app" in action.scopes)
        ]
        room = max(self.size.width, 1)
        # Every action takes its key, a space, its label and two spaces.
        kept: set[str] = set()
        for action, label in sorted(able, key=lambda pair: (pair[0].rank, "app" not in pair[0].scopes)):
            length = len(action.shown) + 1 + len(label) + 2
            if length <= room + 2:
                kept.add(action.name)
                room -= length
        self._places, parts, at = [], [], 0
        for action, label in able:
            if action.name in kept:
                piece = words((action.shown, "bold $accent"), f" {label}")
                self._places.append((at, at + piece.cell_length, action))
                parts.append(piece)
                at += piece.cell_length + 2
        self.show(Content("  ").join(parts))

    async def on_click(self, event: Click) -> None:
        offset = event.get_content_offset(self)
        for begin, end, action in self._places:
            if offset is not None and begin <= offset.x < end and action.keys:
                self.app.simulate_key(action.keys.split(",")[0])
