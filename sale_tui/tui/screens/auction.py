"""The auction board."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container

from sale_tui.commands import Accept, Override, Pause, SetKind
from sale_tui.tui.actions import PAGES, bindings
from sale_tui.tui.format import short_names
from sale_tui.tui.screens.view import View
from sale_tui.tui.state import AppState
from sale_tui.tui.widgets.award_panel import AwardPanel
from sale_tui.tui.widgets.bid_card import BidCard, Place
from sale_tui.tui.widgets.bid_numbers import row_title
from sale_tui.tui.widgets.error_panel import ErrorPanel
from sale_tui.tui.widgets.key_bar import KeyBar
from sale_tui.tui.widgets.phase_line import PhaseLine
from sale_tui.tui.widgets.task_line import TaskLine
from sale_tui.tui.widgets.text import PlainText
from sale_tui.tui.widgets.top_bar import StatusLine

WIDE = 100
"""Columns from which the bids stand side by side."""
SHORT = 22
"""Lines below which the task takes one line."""


class AuctionScreen(View[None]):
    """Four bids side by side, or one below the other, and the award below them."""

    CSS_PATH = Path(__file__).with_suffix(".tcss")
    BINDINGS: ClassVar[list[BindingType]] = bindings("auction")

    def __init__(self, bids: int, grace_seconds: float) -> None:
        """``grace_seconds``: how long a key counts for nothing after the award was proposed."""
        super().__init__()
        self._cards = [BidCard(place) for place in range(bids)]
        self._grace = grace_seconds
        self._chosen: int | None = None
        self._proposed_at: float | None = None

    def compose(self) -> ComposeResult:
        yield StatusLine()
        yield TaskLine()
        yield PhaseLine()
        yield PlainText(id="columns")
        yield Container(*self._cards, id="board")
        yield ErrorPanel()
        yield AwardPanel()
        yield KeyBar("auction")

    def reset(self) -> None:
        """Another task begins."""
        self._chosen = self._proposed_at = None

    def draw(self, state: AppState, now: float) -> None:
        row = self.size.width < WIDE
        self.set_class(row, "-rows")
        self.query_one(StatusLine).draw(state)
        self.query_one(TaskLine).draw(state, single=self.size.height < SHORT)
        self.query_one(PhaseLine).draw(state, now, self.sale.still)
        self.query_one("#columns", PlainText).show(row_title(self.size.width - 2))
        if state.board.proposal is not None and self._proposed_at is None:
            self._proposed_at = self.sale.time()
        short = short_names([bidder.name for bidder in state.board.bidders])
        for place, (card, bidder) in enumerate(zip(self._cards, state.board.bidders, strict=False)):
            card.draw(bidder, state.board, Place(place + 1, place == self._chosen, short, state.busy), row)
        self.query_one(ErrorPanel).draw(state.error)
        self.query_one(AwardPanel).draw(state, now, self._name_of_chosen())
        self._draw_keys(state)

    def _draw_keys(self, state: AppState) -> None:
        enabled = {"choose(1)", "view", *PAGES}
        if state.deciding:
            enabled |= {"take", "confirm", "hold"}
        if state.kind_open:
            enabled.add("set_kind")
        if state.run is not None:
            enabled.add("show_run")
        enabled.add("interrupt" if state.busy else "new_task")
        proposal, chosen = state.board.proposal, self._name_of_chosen()
        takes = proposal is not None and chosen is not None and chosen != proposal.award.agent
        labels = {"confirm": "take it"} if takes else {}
        if proposal is not None and proposal.held:
            labels["hold"] = "go on"
        self.query_one(KeyBar).draw(enabled, labels)

    def _name_of_chosen(self) -> str | None:
        bidders = self.sale.state.board.bidders
        return bidders[self._chosen].name if self._chosen is not None and self._chosen < len(bidders) else None

    def _may_decide(self) -> bool:
        """Whether the award is open, and was long enough for the key to be meant for it."""
        early = self._proposed_at is None or self.sale.time() - self._proposed_at < self._grace
        return self.sale.state.deciding and not early

    def on_bid_card_chosen(self, message: BidCard.Chosen) -> None:
        self._chosen = message.place
        self.sale.mark()

    def action_choose(self, by: int) -> None:
        bidders = self.sale.state.board.bidders
        proposal = self.sale.state.board.proposal
        if not bidders:
            return
        if self._chosen is None:
            names = [bidder.name for bidder in bidders]
            at = (
                names.index(proposal.award.agent)
                if proposal and proposal.award.agent in names
                else (-1 if by > 0 else 0)
            )
        else:
            at = self._chosen
        self._chosen = (at + by) % len(bidders)
        self.sale.mark()

    def action_take(self, digit: int) -> None:
        if digit > len(self.sale.state.board.bidders):
            return
        self._chosen = digit - 1
        self.sale.mark()
        self.action_confirm()

    def action_confirm(self) -> None:
        state = self.sale.state
        if state.kind_open:
            self.sale.send(Accept())
            return
        if not self._may_decide() or state.board.proposal is None:
            return
        name = self._name_of_chosen()
        bidder = state.board.find(name) if name else None
        if bidder is None or bidder.name == state.board.proposal.award.agent:
            self.sale.send(Accept())
        elif bidder.best is None:
            self.sale.say(f"{bidder.name} placed no bid that could be taken.")
        else:
            self.sale.send(Override(agent=bidder.name))

    def action_hold(self) -> None:
        state = self.sale.state
        if state.board.proposal is not None and state.deciding:
            self.sale.send(Pause(held=not state.board.proposal.held))

    def action_set_kind(self) -> None:
        state = self.sale.state
        if state.kind_open:
            now = state.kind.kind if state.kind else "coding"
            self.sale.send(SetKind(kind="coding" if now == "search" else "search"))

    def action_view(self) -> None:
        state = self.sale.state
        if not state.board.bidders:
            return
        from sale_tui.tui.screens.bid import BidScreen

        names = [bidder.name for bidder in state.board.bidders]
        leading = state.board.proposal.award.agent if state.board.proposal else state.board.provisional
        place = self._chosen if self._chosen is not None else names.index(leading) if leading in names else 0
        self.app.push_screen(BidScreen(place))

    def action_show_run(self) -> None:
        if self.sale.state.run is not None:
            self.sale.show("run")

    def action_new_task(self) -> None:
        self.sale.new_task()

    def action_interrupt(self) -> None:
        self.sale.interrupt()
