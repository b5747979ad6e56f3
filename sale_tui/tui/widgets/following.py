"""A scroll that stays at its end while things are added, until somebody scrolls up."""

from __future__ import annotations

from textual.containers import VerticalScroll


class Following(VerticalScroll):
    """Call ``grown`` after adding something."""

    _following = True

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        # Adding moves the end away but does not scroll; so a scroll that is not at the end was somebody's wish.
        self._following = new_value >= self.max_scroll_y - 1

    def grown(self) -> None:
        """Go to the end, unless somebody reads further up."""
        if self._following:
            self.scroll_end(animate=False)

    def follow(self) -> None:
        """Stay at the end from now on."""
        self._following = True
        self.grown()
