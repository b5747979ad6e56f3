"""The auction so far, folded from its own events: who is there, what was bid, how it was marked."""

from __future__ import annotations

import msgspec

from sale_tui.events import AgentLost, AgentReady, BidFailed, BidPlaced, Event, JurorFailed, MarkGiven
from sale_tui.types import Bid, ModelFacts, Round


class Board:
    """Everything that scoring reads. Feed every event to ``apply``; the order of bids is that of their placing."""

    def __init__(self) -> None:
        self.ready: dict[str, ModelFacts] = {}
        """Agents that loaded, lost ones included."""
        self.lost: dict[str, str] = {}
        """Agents whose model did not load or ended and was not loaded again, with the reason."""
        self.failures: dict[str, str] = {}
        """Agents and jurors that dropped out of something, with the last reason."""
        self._bids: dict[tuple[str, Round], Bid] = {}

    @property
    def bids(self) -> tuple[Bid, ...]:
        """All bids with the marks given so far."""
        return tuple(self._bids.values())

    def of_round(self, round_: Round) -> tuple[Bid, ...]:
        """The bids of one round."""
        return tuple(bid for bid in self._bids.values() if bid.round == round_)

    def find(self, agent: str, round_: Round) -> Bid | None:
        """An agent's bid of a round."""
        return self._bids.get((agent, round_))

    def apply(self, event: Event) -> None:
        """Take an event in; those that do not concern bids change nothing."""
        match event:
            case AgentReady():
                self.ready[event.agent] = event.facts
                self.lost.pop(event.agent, None)
            case AgentLost():
                self.lost[event.agent] = self.failures[event.agent] = event.reason
            case BidFailed():
                self.failures[event.agent] = event.reason
            case JurorFailed():
                self.failures[event.juror] = event.reason
            case BidPlaced():
                self._bids[event.agent, event.round] = Bid(
                    agent=event.agent,
                    price=event.price,
                    round=event.round,
                    plan=event.plan,
                    tokens=event.tokens,
                    entropy=event.entropy,
                    marks={},
                    recalled=event.recalled,
                )
            case MarkGiven():
                self._mark(event)
            case _:
                pass

    def _mark(self, event: MarkGiven) -> None:
        bid = self._bids.get((event.agent, event.round))
        if bid is not None and event.mark is not None:
            marked = msgspec.structs.replace(bid, marks={**bid.marks, event.juror: event.mark})
            self._bids[event.agent, event.round] = marked
