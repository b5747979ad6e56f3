"""One turn of the winner: what it thought and wrote, the calls it made, what came back."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical

from sale_tui.literal import literal_line
from sale_tui.tui.format import count, duration, excerpt, plural
from sale_tui.tui.state_run import Call, Step
from sale_tui.tui.widgets.text import Part, PlainText, clipped, words

SHOWN = 6000
"""Characters of one text that are shown; of a longer one its beginning and end."""
CALL = "<tool_call>"
STATUS = {
    "running": ("…", "$text-primary"),
    "ok": ("✓", "$text-success"),
    "failed": ("✗", "$text-error"),
    "rejected": ("✗", "$text-error"),
    "stopped": ("■", "$text-warning"),
}


class CallView(Vertical):
    """A call, then its output."""

    DEFAULT_CSS = """
    CallView {
        height: auto; margin: 0 0 0 2;
        .call { border-left: thick $primary 60%; padding: 0 1; background: $surface; }
        .output { border-left: thick $foreground 25%; padding: 0 1; color: $quiet; }
        .output.-bad { border-left: thick $error; color: $text-error; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._call = PlainText(classes="call")
        self._output = PlainText(classes="output")
        self._drawn: Call | None = None

    def compose(self) -> ComposeResult:
        yield self._call
        yield self._output

    def draw(self, call: Call) -> None:
        """Show a call; does nothing where it is the same."""
        if call is self._drawn:
            return
        self._drawn = call
        sign, style = STATUS[call.status]
        title: list[Part] = [(f"{sign} ", style), (call.tool, "bold")]
        if call.seconds is not None:
            title.append((f"  {duration(call.seconds)}", "$quiet"))
        if call.leave:
            title.append((f"  {literal_line(call.leave)}", "$text-warning"))
        separator = "\n" if "\n" in call.arguments or len(call.arguments) > 60 else "  "
        self._call.show(*title, separator, excerpt(call.arguments, SHOWN))
        bad = call.status in {"failed", "rejected"}
        output = call.output or call.summary
        cut = f"\n({plural(call.truncated, 'character')} more were cut)" if call.truncated else ""
        self._output.set_class(bad, "-bad")
        self._output.display = bool(output) or call.status == "stopped"
        self._output.show(excerpt(output, SHOWN) if output else "stopped", (cut, "italic"))


class StepView(Vertical):
    """``draw`` it from a step; does nothing where the step is the same."""

    DEFAULT_CSS = """
    StepView {
        height: auto; margin: 0 0 1 0;
        .thinking { color: $quiet; text-style: italic; padding: 0 0 0 2; }
        .text { padding: 0 0 0 2; }
        .calls { height: auto; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._title = PlainText(classes="title")
        self._thinking = PlainText(classes="thinking")
        self._text = PlainText(classes="text")
        self._calls: list[CallView] = []
        self._below = Vertical(classes="calls")
        self._drawn: tuple[Step, bool, int] | None = None
        self._waiting: tuple[Step, bool] | None = None

    def compose(self) -> ComposeResult:
        yield self._title
        yield self._thinking
        yield self._text
        yield self._below

    def on_mount(self) -> None:
        if self._waiting is not None:
            self.draw(*self._waiting)

    def draw(self, step: Step, thoughts: bool) -> None:
        """``thoughts``: whether finished thinking is shown."""
        if not self._below.is_attached:
            self._waiting = (step, thoughts)
            return
        key = (step, thoughts, self.size.width)
        if self._drawn is not None and self._drawn[0] is step and self._drawn[1:] == key[1:]:
            return
        self._drawn = key
        usage = step.usage
        tokens = usage.output_tokens if usage else step.tokens
        spent: list[Part] = [("  " + plural(tokens, "token"), "$quiet")]
        if usage and usage.seconds > 0:
            spent.append(
                (f" · {duration(usage.seconds)} · {usage.output_tokens / usage.seconds:.0f} tokens/s", "$quiet")
            )
        self._title.show((f"Step {step.number}", "bold $text-primary"), *spent)
        self._draw_thinking(step, thoughts)
        self._draw_text(step)
        while len(self._calls) < len(step.calls):
            view = CallView()
            self._calls.append(view)
            self._below.mount(view)
        for view, call in zip(self._calls, step.calls, strict=False):
            view.draw(call)

    def _draw_thinking(self, step: Step, thoughts: bool) -> None:
        self._thinking.display = bool(step.thinking)
        if not step.thinking:
            return
        width = max(self.size.width - 2, 1)
        if thoughts:
            self._thinking.show(excerpt(step.thinking.tail(SHOWN), SHOWN))
        elif step.usage is None and not step.text:
            self._thinking.show(clipped(step.thinking.tail(12 * width), width, 3, tail=True))
        else:
            self._thinking.show(f"thought {count(step.thinking.length)} characters (t shows them)")

    def _draw_text(self, step: Step) -> None:
        text = (str(step.text) if step.usage else step.text.tail(SHOWN)).partition(CALL)[0].strip()
        streaming = step.usage is None
        self._text.display = bool(text) or (streaming and not step.thinking)
        self._text.show(words(excerpt(text, SHOWN) if text else ("…" if streaming else "")))
