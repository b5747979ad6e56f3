"""One task on the screen: where its events come from, and the two screens that show it. A replay brings its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from sale_tui.events import AnyEvent, LogStarted
from sale_tui.tui.feed import Feed
from sale_tui.tui.screens.view import View
from sale_tui.tui.source import ReplaySource, StreamClock, pool_of
from sale_tui.tui.state import AppState, initial

if TYPE_CHECKING:
    from sale_tui.tui.app import SaleApp
    from sale_tui.tui.screens.auction import AuctionScreen
    from sale_tui.tui.screens.run import RunScreen


class Stage:
    """At most one of its screens lies on the stack, over the ``floor`` screens that were there before."""

    def __init__(self, app: SaleApp, feed: Feed, clock: StreamClock, bids: int, floor: int = 1) -> None:
        """``bids``: how many agents bid."""
        self.feed = feed
        self.clock = clock
        self._app = app
        self._bids = bids
        self._floor = floor
        self._auction: AuctionScreen | None = None
        self._run: RunScreen | None = None
        self._went_to_run = False

    def reset(self) -> None:
        """Another task begins."""
        self._went_to_run = False
        for screen in (self._auction, self._run):
            if screen is not None:
                screen.reset()

    def follow(self, state: AppState) -> None:
        """Go to the run when it begins, unless somebody looks at something else."""
        if state.run is None or self._went_to_run:
            return
        self._went_to_run = True
        above = self._app.screen_stack[self._floor :]
        if above and not any(isinstance(screen, View) and screen.stays for screen in above):
            self.show("run")

    def show(self, name: Literal["auction", "run"]) -> None:
        """Go to a screen."""
        app, screen = self._app, self._screen(name)
        if app.screen is screen:
            return
        while len(app.screen_stack) > self._floor + 1:
            app.pop_screen()
        if len(app.screen_stack) > self._floor:
            app.switch_screen(screen)
        else:
            app.push_screen(screen)

    def leave(self) -> None:
        """Take its screens away for good."""
        app = self._app
        while len(app.screen_stack) > self._floor:
            app.pop_screen()
        for screen in (self._auction, self._run):
            if screen is not None:
                app.uninstall_screen(screen)
                screen.remove()

    def _screen(self, name: Literal["auction", "run"]) -> AuctionScreen | RunScreen:
        # Imported when first needed: the first frame does without them.
        if name == "auction":
            from sale_tui.tui.screens.auction import AuctionScreen

            if self._auction is None:
                self._auction = AuctionScreen(self._bids, self._app.grace)
                self._app.install_screen(self._auction, f"{name} {self._floor}")
            return self._auction
        from sale_tui.tui.screens.run import RunScreen

        if self._run is None:
            self._run = RunScreen()
            self._app.install_screen(self._run, f"{name} {self._floor}")
        return self._run


def replay_stage(app: SaleApp, events: Sequence[AnyEvent], speed: float) -> Stage:
    """A stage on which a recorded log is played, over all that is shown now."""
    header = next(event for event in events if isinstance(event, LogStarted))
    clock = StreamClock(app.time, speed)

    async def recorded() -> ReplaySource:
        archive = await app.live.feed.archive()
        return ReplaySource(events, speed, past=archive.past_records if archive is not None else None)

    feed = Feed(recorded, initial(pool_of(header)), clock, app.mark, tier=app.live.feed.state.sandbox)
    return Stage(app, feed, clock, len(header.agents), floor=len(app.screen_stack))
