"""The only text widgets of the app: whatever they are given is shown literally.

No string reaches a screen but through ``words``, which removes control sequences and never reads markup.
"""

from __future__ import annotations

from textual.content import Content
from textual.message import Message
from textual.style import Style
from textual.widgets import Static

from sale_tui.literal import literal, literal_line

Part = str | tuple[str, str] | Content
"""A text, a text with its style, or words made before."""

TAB = 4


def words(*parts: Part) -> Content:
    """Literal text of several parts; styles are ours, texts are anybody's."""
    made: list[Content | tuple[str, str | Style]] = []
    for part in parts:
        if isinstance(part, Content):
            made.append(part)
        else:
            text, style = (part, "") if isinstance(part, str) else part
            made.append((literal(text).expandtabs(TAB), style))
    return Content.assemble(*made)


def one_line(text: str, width: int, style: str = "") -> Content:
    """A text on one line of at most ``width`` cells, with an ellipsis where something is missing."""
    return words((literal_line(text), style)).truncate(max(width, 1), ellipsis=True)


def clipped(text: str, width: int, lines: int, style: str = "", tail: bool = False) -> Content:
    """A text wrapped to ``width`` cells and cut to ``lines`` lines, its end where ``tail``; an ellipsis says so."""
    if width < 1 or lines < 1 or not text:
        return Content("")
    # No more than can be shown is wrapped, however long the text is.
    room = 4 * width * lines
    given = text[-room:] if tail else text[:room]
    wrapped = words((given, style)).wrap(width)
    if len(wrapped) <= lines and len(given) == len(text):
        return Content("\n").join(wrapped)
    if tail:
        kept = wrapped[-lines:]
        return Content("\n").join([Content.assemble(("…", style), kept[0][1:]), *kept[1:]])
    last = wrapped[min(lines, len(wrapped)) - 1].truncate(width - 1).rstrip()
    return Content("\n").join([*wrapped[: lines - 1], Content.assemble(last, ("…", style))])


def labelled(label: str, width: int, *parts: Part) -> Content:
    """A label, then words that are wrapped beside it."""
    room = max(width - len(label), 8)
    lines = words(*parts).wrap(room)
    indent = " " * len(label)
    return Content("\n").join([words(indent if at else (label, "$quiet"), line) for at, line in enumerate(lines)])


class PlainText(Static):
    """Literal text. ``show`` does nothing where nothing changed, so that it may be called at every frame."""

    DEFAULT_CSS = "PlainText { width: 1fr; height: auto; }"

    def __init__(self, *parts: Part, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        self.shown = words(*parts)
        super().__init__(self.shown, id=id, classes=classes, markup=False)

    class Resized(Message):
        """It has another size, so what fits is another."""

    def on_resize(self) -> None:
        self.post_message(self.Resized())

    def show(self, *parts: Part) -> None:
        """Show these parts instead."""
        content = words(*parts)
        if content.plain != self.shown.plain or content.spans != self.shown.spans:
            self.shown = content
            self.update(content, layout=self._needs_layout(content))

    def _needs_layout(self, content: Content) -> bool:
        """Whether the words take another height; a layout draws the whole screen again."""
        height = self.styles.height
        if height is None or not height.is_auto:
            return False
        width = self.size.width
        return width < 1 or len(content.wrap(width)) != self.size.height

    @property
    def plain(self) -> str:
        """What is shown, without styles."""
        return self.shown.plain
