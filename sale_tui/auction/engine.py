"""The auction: phases in order, every step an event, no arithmetic (paper.md section 1).

A model's death at any phase never ends the auction while another can go on: a bidder drops out, a juror marks
nothing, a challenger keeps its first bid. A bid that was placed stands, even if its model ends afterwards; where the
awarded agent's model ended and cannot be loaded again, the award goes to the next best, with a Notice.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Sequence
from typing import Any

from sale_tui.auction.award import best_of, choose_bids
from sale_tui.auction.bidding import Asked, place_bid
from sale_tui.auction.board import Board
from sale_tui.auction.explanation import explain
from sale_tui.auction.jury import judge
from sale_tui.auction.prompting import bid_messages
from sale_tui.auction.refinement import refine
from sale_tui.auction.rescore import award_of
from sale_tui.auction.scoring import score_bids, scored_weights
from sale_tui.auction.setting import Setting
from sale_tui.auction.validation import check_weights
from sale_tui.errors import ConfigurationFault, NoAgentLoads, NoValidBid, RunFailed
from sale_tui.events import (
    AgentLost,
    AgentReady,
    AwardDecided,
    AwardProposed,
    BidsScored,
    Event,
    Notice,
    Phase,
    PhaseStarted,
    ProvisionalChosen,
    RefinementSkipped,
)
from sale_tui.ports import ChatModel
from sale_tui.streams import Emit, in_words, stream_of
from sale_tui.types import Award, Bid, ModelFacts, Round, Scorecard


def hold_auction(setting: Setting) -> AsyncGenerator[Event, None]:
    """Events from loading to AwardDecided, which is the last.

    Raises, after the events that led there, NoAgentLoads, NoValidBid, ConfigurationFault, or RunFailed where no
    agent that bid has a model any more. Closing the iterator cancels every call to a model and waits for their end.
    """
    return stream_of(lambda emit: _Auction(setting, emit).hold())


def plan_alone(setting: Setting, agent: str) -> AsyncGenerator[Event, None]:
    """The same for a pinned agent: it alone loads and plans, nobody judges, and the award is the user's.

    Raises NoAgentLoads, NoValidBid.
    """
    return stream_of(lambda emit: _Auction(setting, emit).plan_alone(agent))


class _Auction:
    def __init__(self, setting: Setting, emit: Emit) -> None:
        self.setting = setting
        self.board = Board()
        self.weights = scored_weights(setting.rules)
        self._out = emit

    def emit(self, event: Event) -> None:
        self.board.apply(event)
        self._out(event)

    def phase(self, phase: Phase) -> None:
        self.emit(PhaseStarted(phase=phase))

    async def hold(self) -> None:
        self._check_jury()
        await self._load(list(self.setting.models.values()))
        await self._bid(self._there())
        await self._judge("first")
        provisional = choose_bids(self.board.bids, self._score()).provisional
        challengers = [bid for bid in self.board.of_round("first") if bid.price < provisional.price]
        names = tuple(bid.agent for bid in challengers)
        self.emit(ProvisionalChosen(agent=provisional.agent, total=provisional.total, challengers=names))
        if challengers:
            await self._refine(challengers)
        await self._award()

    async def plan_alone(self, agent: str) -> None:
        await self._load([self.setting.models[agent]])
        await self._bid(self._there())
        [bid] = self.board.bids
        award = Award(agent=agent, round="first", by="user", reason="pinned: no auction was held")
        self.phase("awarding")
        self.emit(AwardDecided(award=award, plan=bid.plan, proposed_agent=agent))

    def _check_jury(self) -> None:
        check_weights(self.weights, self.setting.rules.scales)
        for agent in self.setting.models:
            if agent not in self.weights.jury:
                raise ConfigurationFault(
                    f"auction.weights.jury: {agent} has no weight", "give every agent of the pool a weight"
                )

    def _there(self) -> list[ChatModel]:
        """Models that loaded and have not ended since."""
        board = self.board
        return [model for name, model in self.setting.models.items() if name in board.ready and name not in board.lost]

    async def _load(self, models: Sequence[ChatModel]) -> None:
        self.phase("loading")
        await _together([self._load_one(model, self.setting.loading.get(model.spec.name)) for model in models])
        if not self.board.ready:
            raise NoAgentLoads(f"no agent loads: {_reasons(self.board.lost)}", "see `sale-tui pool check`")

    async def _load_one(self, model: ChatModel, under_way: asyncio.Task[ModelFacts] | None = None) -> None:
        agent, seconds = model.spec.name, self.setting.deadlines.load
        try:
            async with asyncio.timeout(seconds):
                facts = await (model.load() if under_way is None else asyncio.shield(under_way))
        except TimeoutError:
            self.emit(AgentLost(agent=agent, reason=f"did not load within {seconds:g} s"))
        except Exception as fault:  # noqa: BLE001 - a model that does not load is one bidder less
            self.emit(AgentLost(agent=agent, reason=in_words(fault), hint=getattr(fault, "hint", "")))
        else:
            self.emit(AgentReady(agent=agent, facts=facts))

    async def _bid(self, models: Sequence[ChatModel]) -> None:
        self.phase("bidding")
        messages = bid_messages(self.setting.task.text, self.setting.tools, self.setting.limits)
        asked = Asked(round="first", messages=messages)
        await _together([place_bid(model, asked, self.setting, self.emit) for model in models])
        if not self.board.bids:
            raise NoValidBid(
                f"no agent placed a valid bid: {_reasons(self.board.failures)}", "ask again, or try another pool"
            )

    async def _judge(self, round_: Round) -> None:
        """Every agent that is there marks every plan of the round; jurors in the order opposite to bidding."""
        bids = self.board.of_round(round_)
        self.phase("judging")
        await _together([self._judge_one(model, bids) for model in reversed(self._there())])
        if not any(bid.marks for bid in self.board.bids):
            raise NoValidBid(
                f"no bid has a single mark: {_reasons(self.board.failures)}", "ask again, or try another pool"
            )

    async def _judge_one(self, model: ChatModel, bids: Sequence[Bid]) -> None:
        await judge(model, bids, self.setting, self.emit)
        if any(bid.marks for bid in self.board.bids):
            self._score()

    def _score(self) -> tuple[Scorecard, ...]:
        cards = score_bids(self.board.bids, self.weights, self.setting.rules.scales)
        self.emit(BidsScored(scorecards=cards))
        return cards

    async def _refine(self, challengers: Sequence[Bid]) -> None:
        self.phase("refining")
        there = {model.spec.name: model for model in self._there()}
        calls = []
        for bid in challengers:
            if bid.agent in there:
                facts = self.board.ready[bid.agent]
                calls.append(refine(there[bid.agent], facts, bid, self.setting, self.emit))
            else:
                reason = f"its model is gone: {self.board.lost[bid.agent]}"
                self.emit(RefinementSkipped(agent=bid.agent, reason=reason))
        await _together(calls)
        if self.board.of_round("refined"):
            await self._judge("refined")

    async def _award(self) -> None:
        self.phase("awarding")
        bids = self.board.bids
        cards = self._score()
        proposal = AwardProposed(
            award=award_of(choose_bids(bids, cards)),
            scorecards=cards,
            explanation=explain(bids, self.weights, self.setting.rules.scales),
            deadline_seconds=self.setting.countdown_seconds,
        )
        self.emit(proposal)
        award = await self.setting.human.decide(proposal)
        if self.board.find(award.agent, award.round) is None:
            self.emit(Notice(text=f"{award.agent} has placed no {award.round} bid; the proposed award stands."))
            award = proposal.award
        award = await self._with_a_model(award, cards)
        plan = next(bid.plan for bid in bids if (bid.agent, bid.round) == (award.agent, award.round))
        self.emit(AwardDecided(award=award, plan=plan, proposed_agent=proposal.award.agent))

    async def _with_a_model(self, award: Award, cards: Sequence[Scorecard]) -> Award:
        """The award, or the next best one, whose agent has a model to run with."""
        prices = {bid.agent: bid.price for bid in self.board.bids}
        gone: set[str] = set()
        while self.setting.execute and award.agent in self.board.lost:
            await self._load_one(self.setting.models[award.agent])
            if award.agent not in self.board.lost:
                break
            gone.add(award.agent)
            try:
                following = best_of(cards, prices, gone)
            except NoValidBid as fault:
                raise RunFailed(
                    f"no agent that bid has a model any more: {_reasons(self.board.lost)}", "ask again"
                ) from fault
            reason = self.board.lost[award.agent]
            self.emit(Notice(text=f"{award.agent}'s model is gone ({reason}); the next best bid takes the award."))
            award = award_of(following)
        return award


async def _together(calls: Sequence[Coroutine[Any, Any, None]]) -> None:
    async with asyncio.TaskGroup() as group:
        for call in calls:
            group.create_task(call)


def _reasons(reasons: dict[str, str]) -> str:
    return "; ".join(f"{name}: {reason}" for name, reason in reasons.items()) or "there is none"
