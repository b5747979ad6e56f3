"""The app: owns screens and time, nothing else. Events are folded by ``feed``, drawn by the screens.

Frames are coalesced: an event only marks the state as changed, and at most ``FRAMES`` times a second the screen is
drawn from it. All models, tools and memory are elsewhere; the session is opened after the first frame.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from textual import work
from textual.app import App
from textual.binding import BindingType

from sale_tui.commands import Command, Interrupt
from sale_tui.tui.actions import bindings
from sale_tui.tui.asking import Asking
from sale_tui.tui.feed import Feed
from sale_tui.tui.past import Past
from sale_tui.tui.screens.home import HomeScreen
from sale_tui.tui.screens.view import View
from sale_tui.tui.source import OpenSource, StreamClock
from sale_tui.tui.stage import Stage
from sale_tui.tui.state import AppState, initial
from sale_tui.tui.theme import THEME
from sale_tui.tui.widgets.top_bar import StatusLine
from sale_tui.types import Pool

if TYPE_CHECKING:
    from sale_tui.session.wiring import TaskRequest

FRAMES = 15
"""A second, at most: the models need the processor more than the eye does."""
GRACE = 0.3
"""Seconds after an award was proposed in which a key does not decide: it was meant for what was there before."""


class SaleApp(App[None]):
    """The terminal app."""

    TITLE = "sale-tui"
    # A screen that is the first one brings no style sheet of its own.
    CSS_PATH = Path(__file__).parent / "screens" / "home.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = bindings("app")
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012 - declared so by textual
        (0, "-short"),
        (24, "-tall"),
    ]

    def __init__(  # noqa: PLR0913 - what one launch is made of
        self,
        open_session: OpenSource,
        pool: Pool,
        *,
        given: TaskRequest | None = None,
        begin: TaskRequest | None = None,
        unsafe: bool = False,
        speed: float = 1.0,
        grace_seconds: float = GRACE,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``open_session`` is awaited after the first frame. ``given``: what every task is asked with.
        ``begin``: a task to start with, as a replay does, ``speed`` times as fast as its events say.
        ``unsafe``: there is no sandbox, by the user's flag: that is said from the first frame on.
        ``monotonic``: the clock that counts how long something has been seen.
        """
        super().__init__()
        self.register_theme(THEME)
        self.theme = THEME.name
        self._monotonic = monotonic
        clock = StreamClock(monotonic, speed)
        feed = Feed(open_session, initial(pool, "unsafe" if unsafe else None), clock, self.mark)
        self.live = self.stage = Stage(self, feed, clock, len(pool.agents))
        """``live``: the task of this session; ``stage``: what is shown, that or a replay."""
        self.past = Past(self)
        self.grace = grace_seconds
        self.still = False
        """For pictures: no moving signs, and time stands still with the last event."""
        self._pool = pool
        self._given = given
        self._begin = begin
        self._drawn: AppState | None = None
        self._home: HomeScreen | None = None
        self._asking = Asking(self)

    @property
    def feed(self) -> Feed:
        """Where what is shown comes from."""
        return self.stage.feed

    @property
    def state(self) -> AppState:
        """What is shown."""
        return self.feed.state

    @property
    def drawn(self) -> bool:
        """Whether the screen shows the state as it is."""
        return self._drawn is self.state

    def time(self) -> float:
        """Seconds that never go back."""
        return self._monotonic()

    def get_default_screen(self) -> HomeScreen:
        self._home = HomeScreen(self._pool, self._given)
        return self._home

    def on_mount(self) -> None:
        # Who ends the app from outside gets what ctrl+q does: models end, the terminal is given back.
        with suppress(NotImplementedError, RuntimeError, ValueError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.call_later, self.action_quit)
        self._ticks = self.set_interval(1 / FRAMES, self._tick)
        self.call_after_refresh(self._open)

    def _open(self) -> None:
        if self._begin is not None:
            self.start(self._begin)
        self._open_session()

    @work(group="session")
    async def _open_session(self) -> None:
        await self.live.feed.open()

    @work(group="task", exclusive=True)
    async def _run_task(self, request: TaskRequest) -> None:
        await self.feed.run(request)

    async def on_unmount(self) -> None:
        await self.live.feed.close()
        with suppress(NotImplementedError, RuntimeError, ValueError):
            asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)

    def mark(self) -> None:
        """Something changed: draw in the next frame."""
        self._drawn = None
        if self.is_running and hasattr(self, "_ticks"):
            self._ticks.resume()

    def _tick(self) -> None:
        """One frame, if there is anything new; sleeps where nothing is under way."""
        state = self.state
        if not self.is_running:
            return
        self.stage.follow(state)
        self._asking.draw(state)
        if self.drawn and not state.busy:
            self._ticks.pause()
            return
        self._drawn = state
        view = next((screen for screen in reversed(self.screen_stack) if isinstance(screen, View)), None)
        if view is not None and view.ready:
            view.draw(state, state.now if self.still else self.stage.clock.now())
        if self.screen is not view:
            for line in self.screen.query(StatusLine):
                line.draw(state)

    def start(self, request: TaskRequest, stage: Stage | None = None) -> None:
        """Hold the auction for a task; ``stage``: another one, over what is shown now."""
        if self.state.busy:
            self.say("A task is under way; ctrl+c stops it.")
            return
        self.stage = stage or self.stage
        self.stage.reset()
        self._run_task(request)
        self.show("auction")

    def show(self, name: Literal["auction", "run"]) -> None:
        """Go to a screen; only one of them lies over what was there before."""
        self.stage.show(name)

    def new_task(self) -> None:
        """Back to the prompt, which keeps its text where the task did not end well; out of a replay."""
        if self.stage is not self.live:
            self.workers.cancel_group(self, "task")
            self.stage.leave()
            self.stage = self.live
            self.mark()
            return
        if self.state.busy:
            self.say("A task is under way; ctrl+c stops it.")
            return
        run = self.state.run
        if self._home is not None and run is not None and run.finished and run.finished.status == "answered":
            self._home.clear()
        while len(self.screen_stack) > 1:
            self.pop_screen()
        self.mark()

    def send(self, command: Command) -> None:
        """Ask something of the session."""
        self.feed.send(command)

    def interrupt(self) -> None:
        """Stop the auction or the run."""
        if self.state.busy:
            self.send(Interrupt())
        else:
            self.say("Nothing is under way; ctrl+q quits.")

    def say(self, text: str) -> None:
        """One short line, shown literally."""
        from sale_tui.literal import literal_line

        self.notify(literal_line(text), markup=False, timeout=4)

    def ask_to_save(self, workspace: Path) -> None:
        """Ask for a folder, then copy the workspace there."""
        from sale_tui.tui.screens.save import SaveScreen

        self.push_screen(SaveScreen(workspace))

    def action_ledger(self) -> None:
        self.past.show("ledger")

    def action_memory(self) -> None:
        self.past.show("memory")

    def action_help(self) -> None:
        from sale_tui.tui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self._pool))

    def action_box(self) -> None:
        from sale_tui.tui.screens.box import BoxScreen

        if not isinstance(self.screen, BoxScreen):
            self.push_screen(BoxScreen())

    async def action_quit(self) -> None:
        """End every model, then the app."""
        await self.live.feed.close()
        self.exit()
