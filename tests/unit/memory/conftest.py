from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from sale_tui import events as e
from sale_tui.memory.hashing import HashingEmbedder
from sale_tui.memory.service import MemoryService, open_memory
from sale_tui.memory.store import AuctionStore
from sale_tui.types import (
    Award,
    Bill,
    Explanation,
    Kind,
    Outcome,
    Round,
    Scales,
    Scorecard,
    Source,
    Terms,
    Usage,
    Weights,
)

AGENTS = ("xs", "s", "m", "l")
PRICES = {"xs": 0.05, "s": 0.09, "m": 0.16, "l": 0.36}


@dataclass(frozen=True)
class Sample:
    """A whole auction, as events."""

    id: str = "00000000000001"
    task: str = "Which town lies north of the river?"
    kind: Kind = "search"
    winner: str = "m"
    round: Round = "first"
    by: str = "auction"
    plans: dict[tuple[str, Round], str] = field(default_factory=dict)
    totals: dict[str, float] = field(default_factory=dict)
    run: str | None = "answered"
    outcome: Outcome | None = None
    ended: bool = True
    awarded: bool = True

    def plan(self, agent: str, round_: Round = "first") -> str:
        return self.plans.get((agent, round_), f"{round_} plan of {agent}")

    def events(self) -> list[e.Event]:
        found = [*self._header(), *self._bids(), *(self._end() if self.awarded else [])]
        if self.ended:
            found.append(e.PhaseStarted(phase="done"))
        stamp = {"auction": self.id}
        return [msgspec.structs.replace(event, seq=n, at=1000.5 + n, **stamp) for n, event in enumerate(found)]

    def _header(self) -> list[e.Event]:
        agents = tuple(
            e.AgentEntry(
                name=name,
                price=PRICES[name],
                price_estimated=name == "l",
                model=f"/models/{name}.gguf",
                sha256=f"sha-{name}",
                bid_seed=n,
            )
            for n, name in enumerate(AGENTS)
        )
        jury = dict.fromkeys(AGENTS, 0.2)
        return [
            e.LogStarted(
                format=1,
                version="0.1.0",
                pool="micro",
                agents=agents,
                weights=Weights(cost=1.0, entropy=0.2, jury=jury),
                scales=Scales(cost=31.5, entropy=0.7),
                thrift=1.0,
                neighbours=8,
                prompt_hashes={"bid": "abc"},
                sandbox="full",
            ),
            e.TaskReceived(text=self.task, requested_kind="auto"),
            e.KindChosen(kind=self.kind, by="auto", neighbours=(("Who?", "search", 0.5),)),
            e.PhaseStarted(phase="bidding"),
        ]

    def _bids(self) -> list[e.Event]:
        rounds: list[tuple[str, Round]] = [(name, "first") for name in AGENTS]
        rounds += [key for key in self.plans if key[1] == "refined"]
        found: list[e.Event] = []
        for n, (agent, round_) in enumerate(rounds):
            usage = Usage(prompt_tokens=200, cached_tokens=150, output_tokens=30 + n, seconds=0.1 * n)
            found += [
                e.BidStarted(agent=agent, round=round_),
                e.BidDelta(agent=agent, round=round_, text="find", tokens=1, entropy=None),
                e.BidPlaced(
                    agent=agent,
                    round=round_,
                    plan=self.plan(agent, round_),
                    tokens=30 + n,
                    entropy=None if agent == "s" else 0.1 + n / 3,
                    price=PRICES[agent],
                    recalled=("x",) if round_ == "refined" else (),
                    usage=usage,
                ),
            ]
        found += [self._mark(juror, agent, round_) for juror in AGENTS for agent, round_ in rounds]
        cards = tuple(self._card(agent, round_) for agent, round_ in rounds)
        return [*found, e.BidsScored(scorecards=cards), e.JurorFailed(juror="l", round="refined", reason="it ended")]

    def _mark(self, juror: str, agent: str, round_: Round) -> e.MarkGiven:
        return e.MarkGiven(
            juror=juror,
            agent=agent,
            round=round_,
            mark=None if juror == "xs" and agent == "l" else 10 / 3,
            expected=10 / 3,
            probabilities=(0.1, 0.1, 0.1, 0.2, 0.3, 0.2),
            mass=0.9,
            usage=Usage(prompt_tokens=99),
        )

    def _card(self, agent: str, round_: Round) -> Scorecard:
        total = self.totals.get(agent, PRICES[agent])
        terms = Terms(cost=0.1, entropy=0.2, jury={"xs": 0.3})
        return Scorecard(
            agent=agent,
            round=round_,
            eligible=True,
            cost=0.1,
            value=0.1 - total,
            total=total,
            terms=terms,
            imputed=("entropy",),
        )

    def _end(self) -> list[e.Event]:
        award = Award(agent=self.winner, round=self.round, by="user" if self.by == "user" else "auction", reason="best")
        no = Explanation(runner_up=None, runner_up_round=None, margin=None, deciding_term=None, flip=None)
        found: list[e.Event] = [
            e.AwardProposed(award=award, scorecards=(), explanation=no, deadline_seconds=0),
            e.AwardDecided(award=award, plan=self.plan(self.winner, self.round), proposed_agent="m"),
        ]
        if self.run is not None:
            found += [
                msgspec.convert(
                    {
                        "event": "run_finished",
                        "status": self.run,
                        "answer": "Velmar" if self.run == "answered" else "",
                        "reason": "",
                        "steps": 3,
                        "sources": [{"document": "Velmar.md", "title": "Velmar"}],
                        "workspace": "/w",
                        "usage": {"output_tokens": 77, "seconds": 1.5},
                    },
                    e.RunFinished,
                ),
                e.BillMade(
                    bill=Bill(
                        auction_dollars=1e-6,
                        run_dollars=2e-6,
                        always_largest_dollars=9e-6,
                        auction_tokens=400,
                        run_tokens=77,
                    )
                ),
            ]
        if self.outcome is not None:
            found.append(e.OutcomeSet(outcome=self.outcome, by="checker"))
        return found


def write(store: AuctionStore | MemoryService, events: Sequence[e.Event]) -> None:
    for event in events:
        store.write(event)


@pytest.fixture(scope="session")
def sample() -> type[Sample]:
    return Sample


@pytest.fixture(scope="session")
def write_all() -> Callable[[AuctionStore | MemoryService, Sequence[e.Event]], None]:
    return write


@pytest.fixture
def source() -> Source:
    return Source(document="Velmar.md", title="Velmar")


@pytest.fixture
def store(tmp_path: Path):
    opened = AuctionStore(tmp_path / "memory.db")
    yield opened
    opened.close()


@pytest.fixture
def memory(tmp_path: Path):
    opened = open_memory(tmp_path / "memory.db", HashingEmbedder(), tmp_path / "cache")
    yield opened
    opened.close()
