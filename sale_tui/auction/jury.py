"""One juror marks all plans of a round in one call (paper.md section 1, step 3; section 5, row 'marks')."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence

from sale_tui.auction.prompting import MARK_PREFIX, mark_messages
from sale_tui.auction.setting import Setting
from sale_tui.errors import ModelFault, PromptTooLong
from sale_tui.events import AgentLost, JurorFailed, MarkGiven
from sale_tui.ports import ChatModel, MarkReading
from sale_tui.streams import Emit, in_words
from sale_tui.types import Bid, Round

LEAST_MASS = 0.5
"""What the six digits must have together, or the mark is missing."""


async def judge(model: ChatModel, bids: Sequence[Bid], setting: Setting, emit: Emit) -> None:
    """Emit a MarkGiven for every bid, or one JurorFailed (and AgentLost where the model ended).

    All ``bids`` are of one round. Raises nothing but cancellation.
    """
    juror, round_ = model.spec.name, bids[0].round
    try:
        readings = await _readings(model, bids, setting)
        given = [_given(juror, bid, reading, setting) for bid, reading in zip(bids, readings, strict=True)]
    except Exception as fault:  # noqa: BLE001 - a juror that fails marks nothing, and the auction goes on
        _failed(juror, round_, fault, emit)
        return
    for mark in given:
        emit(mark)


async def _readings(model: ChatModel, bids: Sequence[Bid], setting: Setting) -> list[MarkReading]:
    prompts = [mark_messages(setting.task.text, bid.plan) for bid in bids]
    inner = setting.deadlines.mark
    outer = inner + setting.deadlines.grace
    try:
        async with asyncio.timeout(outer):
            return await model.mark(prompts, MARK_PREFIX, setting.tools, inner)
    except TimeoutError as fault:
        raise TimeoutError(f"no marks within {outer:g} s") from fault


def _failed(juror: str, round_: Round, fault: Exception, emit: Emit) -> None:
    reason = in_words(fault)
    emit(JurorFailed(juror=juror, round=round_, reason=reason))
    if isinstance(fault, ModelFault | TimeoutError) and not isinstance(fault, PromptTooLong):
        emit(AgentLost(agent=juror, reason=reason, hint=getattr(fault, "hint", "")))


def _given(juror: str, bid: Bid, reading: MarkReading, setting: Setting) -> MarkGiven:
    if not all(math.isfinite(number) for number in (*reading.probabilities, reading.mass)):
        raise ValueError("its likelihoods of the digits are no numbers")
    expected = min(max(math.fsum(digit * share for digit, share in enumerate(reading.probabilities)), 0.0), 5.0)
    mark = float(math.floor(expected + 0.5)) if setting.rules.marks == "integer" else expected
    return MarkGiven(
        juror=juror,
        agent=bid.agent,
        round=bid.round,
        mark=mark if reading.mass >= LEAST_MASS else None,
        expected=expected,
        probabilities=reading.probabilities,
        mass=reading.mass,
        usage=reading.usage,
    )
