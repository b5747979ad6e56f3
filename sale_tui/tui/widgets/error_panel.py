"""One clear place for what went wrong: the cause, then the cure."""

from __future__ import annotations

from sale_tui.events import ErrorRaised
from sale_tui.tui.widgets.text import PlainText

TITLES = {
    "no_agent_loads": "No model could be loaded",
    "no_valid_bid": "No valid bid",
    "run_failed": "The run did not reach an answer",
    "no_sandbox": "This needs a sandbox",
    "configuration": "Something is not configured",
    "interrupted": "Stopped",
    "usage": "This cannot be started",
    "model": "A model failed",
}


class ErrorPanel(PlainText):
    """Hidden as long as there is no error."""

    DEFAULT_CSS = """
    ErrorPanel {
        display: none; height: auto; max-height: 8; margin: 0 1; padding: 0 1;
        border-left: thick $error; background: $error 12%;
        &.-shown { display: block; }
        &.-calm { border-left: thick $warning; background: $warning 12%; }
    }
    """

    def draw(self, error: ErrorRaised | None) -> None:
        """Show an error, or hide."""
        self.set_class(error is not None, "-shown")
        if error is None:
            return
        calm = error.error == "interrupted"
        self.set_class(calm, "-calm")
        title = TITLES.get(error.error, "Something went wrong")
        hint = f"\n→ {error.hint}" if error.hint else ""
        self.show((f"{'■' if calm else '✗'} {title}. ", "bold"), error.message, (hint, "$quiet"))
