"""The auction over scripted models: the phases, and every way in which a model or the memory can fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from sale_tui import events as e
from sale_tui.auction.engine import hold_auction, plan_alone
from sale_tui.auction.setting import Deadlines, Setting
from sale_tui.errors import ConfigurationFault, ModelFault, NoAgentLoads, NoValidBid, RunFailed, SaleError
from sale_tui.inference.scripted import Script, ScriptedModel, ScriptMark, ScriptTurn
from sale_tui.ports import ChatModel, Generate
from sale_tui.session.human import AutoHuman
from sale_tui.types import AgentSpec, AuctionRules, Award, ContrastPair, Kind, Outcome, Scales, Task, Weights

PRICES = {"ash": 0.05, "birch": 0.09, "cedar": 0.16, "elm": 0.36}
PLAN = "1. search: the town.\n2. open its document."
LONG_PLAN = PLAN + "\n3. read it twice, slowly, and then once more to be sure of it."
BETTER = "1. search the town at once."
MARKS = (ScriptMark(plan="at once", mark=4.9), ScriptMark(plan="twice", mark=4.5), ScriptMark(mark=2.0))
TURNS = (
    ScriptTurn(agent="cedar", part="bid", text=LONG_PLAN),
    ScriptTurn(part="bid", text=PLAN),
    ScriptTurn(part="refine", text=BETTER),
)
PAIR = ContrastPair(
    auction="past1",
    task="where is the town?",
    similarity=0.9,
    losing_plan="guess",
    losing_agent="ash",
    winning_plan="search the town",
    winning_agent="elm",
)


@dataclass
class PairsMemory:
    """A memory that holds nothing but the pairs it was given, or fails."""

    pairs: list[ContrastPair] = field(default_factory=list)
    fault: SaleError | None = None
    asked: list[tuple[str, str, int]] = field(default_factory=list)

    def write(self, event: e.Event) -> None:
        raise AssertionError("an auction does not ask for this")

    async def recall(self, text: str, author_sha256: str, neighbours: int) -> list[ContrastPair]:
        self.asked.append((text, author_sha256, neighbours))
        if self.fault is not None:
            raise self.fault
        return self.pairs[:neighbours]

    async def remember(self, auction: str) -> int:
        raise AssertionError("an auction does not ask for this")

    async def nearest_kind(self, text: str) -> tuple[Kind, list[tuple[str, Kind, float]]]:
        raise AssertionError("an auction does not ask for this")

    def set_outcome(self, auction: str, outcome: Outcome) -> None:
        raise AssertionError("an auction does not ask for this")

    def close(self) -> None:
        pass


@dataclass
class Chooser:
    """Decides by a function of the proposal."""

    choose: Callable[[e.AwardProposed], Award]

    async def choose_kind(self, proposed: Kind) -> Kind:
        return proposed

    async def decide(self, proposal: e.AwardProposed) -> Award:
        return self.choose(proposal)


def setting(script: Script | None = None, *, agents: Any = PRICES, context: int = 8192, **changes: Any) -> Setting:
    script = script or Script(turn=TURNS, mark=MARKS)
    models: dict[str, ChatModel] = {
        name: ScriptedModel(AgentSpec(name=name, model="", price=PRICES[name], context=context), script)
        for name in agents
    }
    rules = AuctionRules(
        weights=Weights(cost=1.0, entropy=0.1, jury=dict.fromkeys(PRICES, 0.225)),
        scales=Scales(cost=60.0, entropy=2.0),
        neighbours=4,
        plan_tokens=60,
    )
    whole: dict[str, Any] = {
        "task": Task(text="In which town?", kind="search"),
        "rules": rules,
        "models": models,
        "memory": PairsMemory([PAIR]),
        "human": AutoHuman(),
        "tools": (),
        **changes,
    }
    return Setting(**whole)


async def held(auction: AsyncGenerator[e.Event, None]) -> tuple[list[e.Event], SaleError | None]:
    events: list[e.Event] = []
    async with aclosing(auction) as stream:
        try:
            async for event in stream:
                events.append(event)  # noqa: PERF401 - what came before an error counts
        except SaleError as fault:
            return events, fault
    return events, None


def of(events: list[e.Event], kind: type[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def decided(events: list[e.Event]) -> e.AwardDecided:
    last = events[-1]
    assert isinstance(last, e.AwardDecided)
    return last


def phases(events: list[e.Event]) -> list[str]:
    return [event.phase for event in of(events, e.PhaseStarted)]


async def test_a_whole_auction() -> None:
    made = setting()
    events, fault = await held(hold_auction(made))
    assert fault is None
    assert phases(events) == ["loading", "bidding", "judging", "refining", "judging", "awarding"]
    assert {event.agent for event in of(events, e.AgentReady)} == set(PRICES)
    first = [event for event in of(events, e.BidPlaced) if event.round == "first"]
    assert [event.plan for event in first if event.agent == "cedar"] == [LONG_PLAN]
    assert {event.agent for event in first} == set(PRICES)
    marks = of(events, e.MarkGiven)
    assert {(m.juror, m.agent) for m in marks if m.round == "first"} == {(j, a) for j in PRICES for a in PRICES}
    [provisional] = of(events, e.ProvisionalChosen)
    assert (provisional.agent, provisional.challengers) == ("cedar", ("ash", "birch"))
    refined = [event for event in of(events, e.BidPlaced) if event.round == "refined"]
    assert {event.agent for event in refined} == {"ash", "birch"}
    assert all(event.recalled == ("past1",) for event in refined)
    assert {(m.juror, m.agent) for m in marks if m.round == "refined"} == {
        (j, a) for j in PRICES for a in ("ash", "birch")
    }
    [proposed] = of(events, e.AwardProposed)
    assert (proposed.award.agent, proposed.award.round, proposed.deadline_seconds) == ("ash", "refined", 0.0)
    assert proposed.explanation.runner_up == "birch"
    last = decided(events)
    assert (last.award, last.plan, last.proposed_agent) == (proposed.award, BETTER, "ash")
    assert proposed.scorecards == of(events, e.BidsScored)[-1].scorecards


async def test_deltas_add_up_to_the_plan() -> None:
    events, _ = await held(hold_auction(setting()))
    deltas = [event for event in of(events, e.BidDelta) if (event.agent, event.round) == ("cedar", "first")]
    [placed] = [event for event in of(events, e.BidPlaced) if event.agent == "cedar"]
    assert "".join(delta.text for delta in deltas) == placed.plan
    assert deltas[-1].tokens == placed.tokens
    assert deltas[-1].entropy == pytest.approx(placed.entropy)


async def test_memory_is_asked_for_the_refining_models_own_hash() -> None:
    made = setting()
    events, _ = await held(hold_auction(made))
    hashes = {event.agent: event.facts.sha256 for event in of(events, e.AgentReady)}
    assert isinstance(made.memory, PairsMemory)
    assert set(made.memory.asked) == {("In which town?", hashes[agent], 4) for agent in ("ash", "birch")}


@pytest.mark.parametrize(
    "text", ["", "   ", "a", "Plan", "7", "<tool_call>\n{}\n</tool_call>", "on and " * 100, "go " * 50]
)
async def test_nonsense_is_asked_for_again_and_then_drops_out(text: str) -> None:
    script = Script(turn=(ScriptTurn(agent="elm", part="bid", text=text), *TURNS), mark=MARKS)
    events, fault = await held(hold_auction(setting(script)))
    assert fault is None
    [failed] = of(events, e.BidFailed)
    assert failed.agent == "elm"
    assert "2 attempts" in failed.reason
    assert len([event for event in of(events, e.BidStarted) if event.agent == "elm"]) == 2
    assert failed.usage.prompt_tokens > 0
    assert {m.juror for m in of(events, e.MarkGiven)} == set(PRICES), "it still judges"
    assert not of(events, e.AgentLost)


async def test_a_second_attempt_with_another_seed_can_succeed() -> None:
    seeds: list[int] = []

    class Seen(ScriptedModel):
        def generate(self, request: Generate) -> Any:
            seeds.append(request.sampling.seed)
            return super().generate(request)

    script = Script(
        turn=(
            ScriptTurn(agent="elm", part="bid", text="?", times=1),
            ScriptTurn(agent="elm", part="bid", text="先搜索城镇然后打开文件"),
            *TURNS,
        ),
        mark=MARKS,
    )
    made = setting(script)
    models = {**made.models, "elm": Seen(made.models["elm"].spec, script)}
    events, _ = await held(hold_auction(setting(models=models)))
    [placed] = [event for event in of(events, e.BidPlaced) if event.agent == "elm"]
    assert placed.plan == "先搜索城镇然后打开文件"
    assert placed.usage.output_tokens == placed.tokens + 1, "both attempts are paid for"
    assert seeds == [0, 1]


async def test_a_bidder_that_dies_drops_out_and_judges_nothing() -> None:
    script = Script(turn=(ScriptTurn(agent="elm", part="bid", text=PLAN, tokens=3, fault="killed"), *TURNS), mark=MARKS)
    events, fault = await held(hold_auction(setting(script)))
    assert fault is None
    assert [event.reason for event in of(events, e.BidFailed)] == ["elm: killed"]
    assert [event.agent for event in of(events, e.AgentLost)] == ["elm"]
    assert {m.juror for m in of(events, e.MarkGiven)} == {"ash", "birch", "cedar"}
    assert isinstance(events[-1], e.AwardDecided)


async def test_a_bidder_that_hangs_is_given_up() -> None:
    script = Script(turn=(ScriptTurn(agent="elm", part="bid", text=PLAN, tokens=3, hang=True), *TURNS), mark=MARKS)
    quick = Deadlines(bid=0.05, grace=0.05)
    events, fault = await held(hold_auction(setting(script, deadlines=quick)))
    assert fault is None
    [failed] = of(events, e.BidFailed)
    assert (failed.agent, "deadline" in failed.reason) == ("elm", True)


async def test_a_model_that_does_not_even_report_its_hang_is_given_up() -> None:
    class Deaf(ScriptedModel):
        async def generate(self, request: Generate) -> AsyncGenerator[Any, None]:
            await asyncio.Event().wait()
            yield

        async def mark(self, *_: Any) -> list[Any]:
            await asyncio.Event().wait()
            return []

    made = setting()
    models = {**made.models, "elm": Deaf(made.models["elm"].spec, Script())}
    quick = Deadlines(bid=0.05, grace=0.05, mark=0.05)
    events, fault = await held(hold_auction(setting(models=models, deadlines=quick)))
    assert fault is None
    assert [event.reason for event in of(events, e.BidFailed)] == ["no plan within 0.1 s"]


async def test_all_bids_fail() -> None:
    script = Script(turn=(ScriptTurn(part="bid", text="no"),), mark=MARKS)
    events, fault = await held(hold_auction(setting(script)))
    assert isinstance(fault, NoValidBid)
    assert fault.exit_code == 4
    assert all(agent in fault.message for agent in PRICES)
    assert len(of(events, e.BidFailed)) == 4


async def test_one_does_not_load() -> None:
    script = Script(turn=TURNS, mark=MARKS, load_fault={"cedar": "truncated file"})
    events, fault = await held(hold_auction(setting(script)))
    assert fault is None
    [lost] = of(events, e.AgentLost)
    assert (lost.agent, lost.reason, lost.hint) == ("cedar", "cedar: truncated file", "it is scripted so")
    assert {event.agent for event in of(events, e.BidPlaced)} == {"ash", "birch", "elm"}


async def test_none_loads() -> None:
    events, fault = await held(hold_auction(setting(Script(load_fault=dict.fromkeys(PRICES, "no file")))))
    assert isinstance(fault, NoAgentLoads)
    assert fault.exit_code == 3
    assert len(of(events, e.AgentLost)) == 4


async def test_a_juror_that_fails_hands_its_weight_on() -> None:
    script = Script(turn=TURNS, mark=(ScriptMark(agent="birch", fault="killed"), *MARKS))
    events, fault = await held(hold_auction(setting(script)))
    assert fault is None
    [failed] = of(events, e.JurorFailed)
    assert (failed.juror, failed.round) == ("birch", "first")
    [provisional] = of(events, e.ProvisionalChosen)
    assert provisional.challengers == ("ash", "birch")
    [skipped] = of(events, e.RefinementSkipped)
    assert (skipped.agent, "gone" in skipped.reason) == ("birch", True)
    terms = of(events, e.BidsScored)[-1].scorecards[0].terms
    assert terms.jury["birch"] == 0.0
    cedar = next(card for card in of(events, e.BidsScored)[-1].scorecards if card.agent == "cedar")
    assert sum(cedar.terms.jury.values()) == pytest.approx(0.9 * 4.5 / 5)


async def test_all_jurors_fail() -> None:
    events, fault = await held(hold_auction(setting(Script(turn=TURNS, mark=(ScriptMark(fault="killed"),)))))
    assert isinstance(fault, NoValidBid)
    assert len(of(events, e.JurorFailed)) == 4


async def test_an_uncertain_mark_is_missing() -> None:
    script = Script(turn=TURNS, mark=(ScriptMark(agent="elm", plan="twice", mark=5, mass=0.49), *MARKS))
    events, _ = await held(hold_auction(setting(script)))
    missing = [m for m in of(events, e.MarkGiven) if m.mark is None]
    assert [(m.juror, m.agent, m.expected, m.mass) for m in missing] == [("elm", "cedar", 5.0, 0.49)]
    cedar = next(card for card in of(events, e.BidsScored)[-1].scorecards if card.agent == "cedar")
    assert cedar.imputed == ("mark:elm",)


async def test_integer_marks() -> None:
    made = setting()
    rules = msgspec.structs.replace(made.rules, marks="integer")
    script = Script(turn=TURNS, mark=(ScriptMark(plan="twice", mark=2.5), ScriptMark(mark=1.4)))
    events, _ = await held(hold_auction(setting(script, rules=rules)))
    assert {(m.agent == "cedar", m.mark) for m in of(events, e.MarkGiven) if m.round == "first"} == {
        (True, 3.0),
        (False, 1.0),
    }


@pytest.mark.parametrize(
    "memory",
    [PairsMemory(), PairsMemory(fault=SaleError("the embedder is gone"))],
    ids=["empty", "broken"],
)
async def test_without_memory_nobody_refines(memory: PairsMemory) -> None:
    events, fault = await held(hold_auction(setting(memory=memory)))
    assert fault is None
    skipped = of(events, e.RefinementSkipped)
    assert [event.agent for event in skipped] == ["ash", "birch"]
    assert all(event.reason for event in skipped)
    assert decided(events).award.agent == "cedar"


async def test_the_farthest_pairs_drop_first() -> None:
    far = msgspec.structs.replace(PAIR, auction="far", similarity=0.1, winning_plan="word " * 400)
    made = setting(context=500, memory=PairsMemory([PAIR, far]))
    events, _ = await held(hold_auction(made))
    assert {event.agent: [pair.auction for pair in event.pairs] for event in of(events, e.Recalled)} == {
        "ash": ["past1"],
        "birch": ["past1"],
    }
    made = setting(context=500, memory=PairsMemory([far]))
    events, _ = await held(hold_auction(made))
    assert ["fits" in event.reason for event in of(events, e.RefinementSkipped)] == [True, True]


async def test_a_refinement_that_fails_leaves_the_first_bid() -> None:
    script = Script(turn=(ScriptTurn(part="refine", text="no"), *TURNS), mark=MARKS)
    events, fault = await held(hold_auction(setting(script)))
    assert fault is None
    assert {(event.agent, event.round) for event in of(events, e.BidFailed)} == {
        ("ash", "refined"),
        ("birch", "refined"),
    }
    assert phases(events) == ["loading", "bidding", "judging", "refining", "awarding"]


async def test_if_the_cheapest_wins_nobody_refines() -> None:
    script = Script(turn=(ScriptTurn(part="bid", text=PLAN),), mark=MARKS)
    events, _ = await held(hold_auction(setting(script)))
    [provisional] = of(events, e.ProvisionalChosen)
    assert (provisional.agent, provisional.challengers) == ("ash", ())
    assert "refining" not in phases(events)


async def test_one_agent_alone() -> None:
    events, fault = await held(hold_auction(setting(agents=("elm",))))
    assert fault is None
    [proposed] = of(events, e.AwardProposed)
    assert proposed.explanation.runner_up is None


def overrule(agent: str, round_: Any) -> Chooser:
    return Chooser(lambda proposal: Award(agent=agent, round=round_, by="user", reason="mine"))


async def test_an_override_to_a_first_bid() -> None:
    events, _ = await held(hold_auction(setting(human=overrule("ash", "first"))))
    last = decided(events)
    assert (last.award.agent, last.award.round, last.award.by) == ("ash", "first", "user")
    assert last.plan == PLAN


async def test_an_override_to_a_bid_that_is_not_there() -> None:
    events, _ = await held(hold_auction(setting(human=overrule("elm", "refined"))))
    assert "elm has placed no refined bid" in of(events, e.Notice)[0].text
    assert decided(events).award.by == "auction"


def dying_judge(agent: str, *, reloads: bool) -> Setting:
    """The provisional winner dies as a juror of the refined bids; it may or may not load again."""
    script = Script(turn=TURNS, mark=(ScriptMark(agent=agent, fault="killed"), *MARKS))

    class Once(ScriptedModel):
        loads = 0

        async def load(self) -> Any:
            self.loads += 1
            if self.loads > 1 and not reloads:
                raise ModelFault("the file is gone", "")
            return await super().load()

    made = setting(script, memory=PairsMemory())
    models = {**made.models, agent: Once(made.models[agent].spec, script)}
    return setting(script, memory=PairsMemory(), models=models)


async def test_a_winner_that_died_is_loaded_again() -> None:
    events, fault = await held(hold_auction(dying_judge("cedar", reloads=True)))
    assert fault is None
    assert [event.agent for event in of(events, e.AgentReady)].count("cedar") == 2
    assert decided(events).award.agent == "cedar"


async def test_a_winner_that_cannot_be_loaded_again_hands_on() -> None:
    events, fault = await held(hold_auction(dying_judge("cedar", reloads=False)))
    assert fault is None
    last = decided(events)
    assert (last.proposed_agent, last.award.agent) == ("cedar", "ash")
    assert "cedar's model is gone" in of(events, e.Notice)[0].text


async def test_nobody_can_be_loaded_again() -> None:
    class Once(ScriptedModel):
        loads = 0

        async def load(self) -> Any:
            self.loads += 1
            if self.loads > 1:
                raise ModelFault("the file is gone", "")
            return await super().load()

    script = Script(turn=TURNS, mark=(ScriptMark(agent="ash", fault="killed"), *MARKS))
    base = setting(script)
    # Only ash has a bid, and it dies as a juror.
    failing = Script(turn=(ScriptTurn(agent="elm", part="bid", text="no"), *TURNS), mark=script.mark)
    models = {"ash": Once(base.models["ash"].spec, failing), "elm": ScriptedModel(base.models["elm"].spec, failing)}
    _, fault = await held(hold_auction(setting(models=models)))
    assert isinstance(fault, RunFailed)
    assert "the file is gone" in fault.message


async def test_without_a_run_the_winner_need_not_be_there() -> None:
    made = dying_judge("cedar", reloads=False)
    alone = setting(models=made.models, memory=PairsMemory(), execute=False)
    events, fault = await held(hold_auction(alone))
    assert fault is None
    assert decided(events).award.agent == "cedar"


async def test_an_agent_without_a_weight_is_named() -> None:
    rules = setting().rules
    weights = msgspec.structs.replace(rules.weights, jury={"ash": 1.0})
    _, fault = await held(hold_auction(setting(rules=msgspec.structs.replace(rules, weights=weights))))
    assert isinstance(fault, ConfigurationFault)
    assert "birch" in fault.message


async def test_a_pinned_agent_plans_alone() -> None:
    events, fault = await held(plan_alone(setting(), "elm"))
    assert fault is None
    assert [event.agent for event in of(events, e.AgentReady)] == ["elm"]
    assert not of(events, e.MarkGiven)
    last = decided(events)
    assert (last.award.agent, last.award.by, last.plan) == ("elm", "user", PLAN)


async def test_a_pinned_agent_that_plans_nothing() -> None:
    _, fault = await held(plan_alone(setting(Script(turn=(ScriptTurn(part="bid", text="no"),))), "elm"))
    assert isinstance(fault, NoValidBid)


@pytest.mark.parametrize("stop_at", ["loading", "bidding", "judging", "refining", "awarding", "delta"])
async def test_closing_at_any_phase_leaves_no_task_behind(stop_at: str) -> None:
    slow = Script(turn=tuple(msgspec.structs.replace(turn, delay=0.001) for turn in TURNS), mark=MARKS)
    before = asyncio.all_tasks()
    async with aclosing(hold_auction(setting(slow))) as events:
        async for event in events:
            if isinstance(event, e.PhaseStarted) and event.phase == stop_at:
                break
            if isinstance(event, e.BidDelta) and stop_at == "delta":
                break
    assert asyncio.all_tasks() == before


async def test_cancelling_the_consumer_leaves_no_task_behind() -> None:
    hanging = Script(turn=(ScriptTurn(part="bid", text=PLAN, hang=True),), mark=MARKS)
    before = asyncio.all_tasks()
    task = asyncio.create_task(held(hold_auction(setting(hanging))))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == before
