"""What was asked, what kind of task that is, and how that was found."""

from __future__ import annotations

from sale_tui.literal import literal_line
from sale_tui.tui.state import AppState
from sale_tui.tui.widgets.text import Part, PlainText, one_line, words


class TaskLine(PlainText):
    """Two lines: the task, then its kind."""

    DEFAULT_CSS = "TaskLine { height: 2; padding: 0 1; &.-one { height: 1; } }"

    def draw(self, state: AppState, single: bool = False) -> None:
        """``single``: the task alone, in one line, after its kind."""
        self.set_class(single, "-one")
        width = self.size.width
        kind = state.kind.kind if state.kind else "…"
        if single:
            label = words((f"{kind}  ", "$text-accent"))
            self.show(label, one_line(state.task, width - label.cell_length, "bold"))
            return
        self.show(
            one_line(state.task, width, "bold"), "\n", words(*_kind(state)).truncate(max(width, 1), ellipsis=True)
        )


def _kind(state: AppState) -> list[Part]:
    if state.kind is None:
        return [("finding out what kind of task this is…", "$quiet")]
    chosen = state.kind
    parts: list[Part] = [(chosen.kind, "bold $text-accent")]
    if state.kind_open:
        # Before what may have to be cut.
        parts += [" (", ("k", "bold $accent"), " changes it)"]
    if chosen.by == "user":
        parts.append((" by your word", "$quiet"))
    elif chosen.by == "fallback":
        parts.append((" because nothing better is known", "$quiet"))
    else:
        near = "; ".join(f"{cosine:.2f} “{literal_line(text, 40)}”" for text, _, cosine in chosen.neighbours[:3])
        parts.append((f" by its nearest examples: {near}" if near else " by its words", "$quiet"))
    return parts
