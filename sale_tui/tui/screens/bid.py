"""One bid in full: both plans, every mark, the terms of the total, what was recalled, and its model."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll

from sale_tui.tui.actions import bindings
from sale_tui.tui.format import excerpt, megabytes, number, plural, price, signed
from sale_tui.tui.screens.view import View
from sale_tui.tui.state import AppState
from sale_tui.tui.state_board import Bidder, Offer
from sale_tui.tui.widgets.bid_card import sign_of
from sale_tui.tui.widgets.key_bar import KeyBar
from sale_tui.tui.widgets.text import Part, PlainText
from sale_tui.tui.widgets.top_bar import StatusLine

SHOWN = 8000


class BidScreen(View[None]):
    """Arrows go from bid to bid; Escape closes it."""

    CSS_PATH = Path(__file__).with_suffix(".tcss")
    BINDINGS: ClassVar[list[BindingType]] = bindings("bid")

    def __init__(self, place: int) -> None:
        super().__init__()
        self._place = place

    def compose(self) -> ComposeResult:
        yield StatusLine()
        with VerticalScroll(id="bid"):
            yield PlainText()
        yield KeyBar("bid")

    def draw(self, state: AppState, now: float) -> None:  # noqa: ARG002
        self.query_one(StatusLine).draw(state)
        bidders = state.board.bidders
        bidder = bidders[self._place % len(bidders)]
        self.query_one("#bid PlainText", PlainText).show(*_parts(state, bidder))
        self.query_one(KeyBar).draw({"view(1)", "view(-1)", "leave"})

    def action_view(self, by: int) -> None:
        self._place += by
        self.query_one("#bid", VerticalScroll).scroll_home(animate=False)
        self.sale.mark()

    def action_leave(self) -> None:
        self.app.pop_screen()


def _parts(state: AppState, bidder: Bidder) -> list[Part]:
    sign, style = sign_of(bidder, state.board, state.busy)
    cost = price(bidder.price, bidder.price_estimated)
    parts: list[Part] = [(bidder.name, "bold"), f"  {cost} per million tokens  ", (sign, style), "\n"]
    if bidder.facts is not None:
        facts = bidder.facts
        about = f"{facts.architecture}, {facts.parameters / 1e6:.1f} M parameters, {megabytes(facts.file_bytes)}"
        parts.append((f"{about} on {facts.device}, {facts.context} tokens of context\n", "$quiet"))
        parts += [(f"{note}\n", "$quiet") for note in facts.notes]
    for reason in filter(None, (bidder.reason, bidder.silent and f"gave no marks: {bidder.silent}")):
        parts.append((f"✗ {reason}\n", "$text-error"))
    if bidder.first is not None:
        parts += _offer("First bid", bidder.first)
    if bidder.refined is not None:
        parts += _offer("Refined bid", bidder.refined)
    elif bidder.skipped:
        parts.append((f"\nNot refined: {bidder.skipped}\n", "$quiet"))
    for pair in bidder.recalled:
        parts += [
            ("\nRecalled ", "bold $text-primary"), (f"{pair.similarity:.2f} like this task\n", "$quiet"),
            f"{excerpt(pair.task, 600)}\n",
            ("lost ", "$text-error"), (f"{pair.losing_agent}: ", "$quiet"), f"{excerpt(pair.losing_plan, 1200)}\n",
            ("won  ", "$text-success"), (f"{pair.winning_agent}: ", "$quiet"), f"{excerpt(pair.winning_plan, 1200)}\n",
        ]  # fmt: skip
    return parts


def _offer(title: str, offer: Offer) -> list[Part]:
    speed = ""
    if offer.usage.seconds > 0 and offer.usage.output_tokens:
        speed = f" · {offer.usage.output_tokens / offer.usage.seconds:.0f} tokens/s"
    parts: list[Part] = [(f"\n{title}", "bold $text-primary")]
    parts.append((f"  {plural(offer.tokens, 'token')} · entropy {number(offer.entropy, 3)}{speed}\n", "$quiet"))
    if offer.failed:
        parts.append((f"✗ {offer.failed}\n", "$text-error"))
    parts.append(f"{excerpt(str(offer.plan), SHOWN)}\n")
    card = offer.card
    if card is None:
        return parts
    if card.terms is None:
        return [*parts, ("No mark, so it cannot win.\n", "$text-warning")]
    rows = [("cost", "", card.terms.cost), ("entropy", number(offer.entropy, 3), -card.terms.entropy)]
    for juror, term in card.terms.jury.items():
        given = (offer.marks or {}).get(juror)
        filled = "filled in" if f"mark:{juror}" in card.imputed else "unsure"
        rows.append((f"mark by {juror}", number(given) if given is not None else filled, -term))
    for name, raw, term in rows:
        parts += [(f"  {name:<22}", "$quiet"), f"{raw:>10}", f"{signed(term, 4):>12}\n"]
    return [*parts, ("  " + "total".ljust(32), "bold"), (f"{number(card.total, 4):>12}\n", "bold")]
