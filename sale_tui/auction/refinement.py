"""A cheaper agent tries again with what memory shows it (paper.md section 1, step 5)."""

from __future__ import annotations

import asyncio

from sale_tui.auction.bidding import Asked, place_bid
from sale_tui.auction.prompting import refine_messages
from sale_tui.auction.setting import Setting
from sale_tui.errors import ModelFault, PromptTooLong, SaleError
from sale_tui.events import AgentLost, Recalled, RefinementSkipped
from sale_tui.ports import ChatModel
from sale_tui.streams import Emit, in_words
from sale_tui.types import Bid, ContrastPair, ModelFacts


async def refine(model: ChatModel, facts: ModelFacts, bid: Bid, setting: Setting, emit: Emit) -> None:
    """Recall, fit, and bid again: emits Recalled and the bid's events, or RefinementSkipped with the reason.

    Where the model ended over it, AgentLost follows. ``bid`` is the agent's first one. Raises nothing but cancellation.
    """
    try:
        pairs = await _pairs(model, facts, bid, setting)
    except Exception as fault:  # noqa: BLE001 - no memory, no refinement; the first bid stands
        reason = in_words(fault)
        emit(RefinementSkipped(agent=bid.agent, reason=reason))
        if isinstance(fault, ModelFault) and not isinstance(fault, PromptTooLong):
            emit(AgentLost(agent=bid.agent, reason=reason, hint=fault.hint))
        return
    emit(Recalled(agent=bid.agent, pairs=pairs))
    asked = Asked(
        round="refined",
        messages=refine_messages(setting.task.text, bid.plan, pairs),
        recalled=tuple(pair.auction for pair in pairs),
    )
    await place_bid(model, asked, setting, emit)


async def _pairs(model: ChatModel, facts: ModelFacts, bid: Bid, setting: Setting) -> tuple[ContrastPair, ...]:
    seconds = setting.deadlines.recall
    try:
        async with asyncio.timeout(seconds):
            found = await setting.memory.recall(setting.task.text, facts.sha256, setting.rules.neighbours)
    except TimeoutError as fault:
        raise TimeoutError(f"memory did not answer within {seconds:g} s") from fault
    if not found:
        raise SaleError("no past auction holds a losing and a winning plan that it could learn from")
    return await _fitting(model, facts, bid, tuple(found), setting)


async def _fitting(
    model: ChatModel, facts: ModelFacts, bid: Bid, pairs: tuple[ContrastPair, ...], setting: Setting
) -> tuple[ContrastPair, ...]:
    """The nearest pairs whose prompt leaves room for a plan: the farthest drop first."""
    room = min(model.spec.context, facts.context) - setting.rules.plan_tokens
    clock, inner = asyncio.get_running_loop().time, setting.deadlines.recall
    end, outer = clock() + inner, inner + setting.deadlines.grace
    try:
        async with asyncio.timeout(outer):
            for kept in range(len(pairs), 0, -1):
                messages = refine_messages(setting.task.text, bid.plan, pairs[:kept])
                if await model.count_tokens(messages, setting.tools, max(end - clock(), 0.0)) <= room:
                    return pairs[:kept]
    except TimeoutError as fault:
        raise ModelFault(
            f"{bid.agent} did not count its prompt within {outer:g} s", "the other agents go on"
        ) from fault
    raise SaleError(f"not even one past pair of plans fits beside the task in its {room} tokens of context")
