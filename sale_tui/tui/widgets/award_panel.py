"""What the auction says: who leads, who refines, what is proposed, why, and how long it can be changed."""

from __future__ import annotations

from sale_tui.tui.format import number, plural, why
from sale_tui.tui.state import AppState
from sale_tui.tui.state_board import Board, Proposal
from sale_tui.tui.widgets.text import Part, PlainText

BAR = 20
"""Cells of the countdown."""


class AwardPanel(PlainText):
    """``draw`` it from the state, the present time, and the bid that is chosen."""

    DEFAULT_CSS = """
    AwardPanel {
        height: auto; min-height: 2; max-height: 7; margin: 0 1; padding: 0 1; border-left: thick $foreground 25%;
        &.-open { border-left: thick $success; background: $success 10%; }
    }
    """

    def draw(self, state: AppState, now: float, chosen: str | None) -> None:
        """``now`` on the clock of the events."""
        board = state.board
        self.set_class(state.deciding, "-open")
        # An error that ended the auction says all that there is to say.
        self.display = state.error is None or board.proposal is not None or board.decision is not None
        notices = [(f"! {text}\n", "$text-warning") for text in state.notices[-2:]]
        if board.decision is not None:
            self.show(*notices, *_decided(board))
        elif board.proposal is not None:
            small = self.size.width < 72
            self.show(*notices, *_proposed(board.proposal, now if state.busy else None, chosen, small))
        else:
            self.show(*notices, *_under_way(state))


def _decided(board: Board) -> list[Part]:
    award = board.decision.award if board.decision else None
    if award is None:
        return []
    by = "by your word" if award.by == "user" else "by the auction"
    parts: list[Part] = [
        ("✓ ", "bold $text-success"), "The award goes to ", (award.agent, "bold $text-success"),
        f" ({award.round} bid) {by}.",
    ]  # fmt: skip
    if board.proposal is not None and award.by == "auction":
        parts += ["\n", ("why  ", "$quiet"), why(board.proposal.explanation)]
    elif board.proposal is not None:
        parts += ["\n", (f"The auction had proposed {board.proposal.award.agent}.", "$quiet")]
    elif award.reason:
        parts += ["\n", (award.reason, "$quiet")]
    return parts


def _proposed(proposal: Proposal, now: float | None, chosen: str | None, small: bool) -> list[Part]:
    """``now``: None where the time for a decision is over without one."""
    award = proposal.award
    parts: list[Part] = [
        ("▶ Proposed: ", "bold"), (award.agent, "bold $text-success"), f" ({award.round} bid)  ",
    ]  # fmt: skip
    if proposal.held:
        parts.append(("‖ held" if small else "‖ held, space lets it go on", "bold $text-warning"))
    elif now is not None:
        parts += _bar(proposal.left(now), proposal, BAR // 3 if small else BAR)
    parts += ["\n", ("why  ", "$quiet"), why(proposal.explanation)]
    if chosen is not None and chosen != award.agent:
        parts += ["\n", ("▸ ", "bold $text-primary"), "Enter takes ", (chosen, "bold $text-primary"), " instead"]
    elif not small:
        parts += ["\n", ("Enter accepts · 1-4, or arrows and Enter, take another bid · space holds", "$quiet")]
    return parts


def _bar(left: float, proposal: Proposal, cells: int) -> list[Part]:
    full = round(cells * min(left / max(proposal.whole, 1e-9), 1.0))
    return [("━" * full, "$text-success"), ("─" * (cells - full), "$faint"), f" {left:.0f} s"]


def _under_way(state: AppState) -> list[Part]:
    board = state.board
    leader = board.find(board.provisional)
    if leader is None:
        return _before(state)
    total = leader.first.total if leader.first else None
    parts: list[Part] = [
        ("★ ", "bold $text-warning"), (leader.name, "bold"), f" leads provisionally, its total is {number(total, 3)}.",
    ]  # fmt: skip
    if not board.challengers:
        return [*parts, "\n", ("Nobody is cheaper, so nobody refines.", "$quiet")]
    parts += ["\n", (f"Cheaper, so they may refine from memory: {', '.join(board.challengers)}.", "$quiet")]
    challengers = [bidder for bidder in board.bidders if bidder.name in board.challengers]
    for bidder in challengers:
        if bidder.skipped:
            parts += ["\n", (f"{bidder.name} does not: {bidder.skipped}.", "$quiet")]
        elif bidder.recalled:
            shown = plural(len(bidder.recalled), "past auction")
            parts += ["\n", (f"{bidder.name} is shown what won and lost in {shown}.", "$quiet")]
    return parts


def _before(state: AppState) -> list[Part]:
    says = {
        None: "Getting ready…",
        "loading": "Loading the models that are not there yet…",
        "bidding": "Every model writes a short plan for the task.",
        "judging": "Every model marks every plan from 0 to 5; the least cost − value leads.",
    }
    return [(says.get(state.phase, ""), "$quiet")]
