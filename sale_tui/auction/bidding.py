"""One agent writes one plan (paper.md section 1, step 1): streamed, checked, tried twice, never fatal to others."""

from __future__ import annotations

import asyncio
import math
import re
from dataclasses import dataclass, field

import msgspec

from sale_tui.auction.setting import Setting
from sale_tui.errors import ModelFault, PromptTooLong
from sale_tui.events import AgentLost, BidDelta, BidFailed, BidPlaced, BidStarted
from sale_tui.ports import ChatModel, Completion, Delta, Generate, Message
from sale_tui.streams import Emit, closing, in_words
from sale_tui.types import Round, Usage

ATTEMPTS = 2
"""A plan of bad format is asked for once more, with another seed."""
MIN_WORDS = 2
MIN_LETTERS = 6
"""Of a plan in a script that puts no spaces between words."""
_WORD = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an agent is asked for."""

    round: Round
    messages: tuple[Message, ...]
    recalled: tuple[str, ...] = ()
    """Auction ids whose plans the messages show."""


@dataclass(slots=True)
class _Progress:
    """A plan as far as it is written; entropy only while every piece has one."""

    tokens: int = 0
    entropy_sum: float | None = 0.0

    @property
    def entropy(self) -> float | None:
        return self.entropy_sum / self.tokens if self.entropy_sum is not None and self.tokens else None

    def add(self, piece: Delta) -> None:
        self.tokens += piece.tokens
        known = self.entropy_sum is not None and piece.entropy_sum is not None
        self.entropy_sum = (self.entropy_sum or 0.0) + (piece.entropy_sum or 0.0) if known else None


@dataclass(slots=True)
class _Spent:
    """Tokens of all attempts: nonsense costs as much as sense."""

    usage: Usage = field(default_factory=Usage)


async def place_bid(model: ChatModel, asked: Asked, setting: Setting, emit: Emit) -> None:
    """Ask for a plan and emit what comes of it: BidStarted, BidDelta..., then BidPlaced or BidFailed.

    Another BidStarted means that the agent begins again. Where its model ended, AgentLost follows BidFailed.
    Raises nothing but cancellation.
    """
    agent, spent = model.spec.name, _Spent()
    try:
        completion, reason = await _attempts(model, asked, setting, emit, spent)
    except Exception as fault:  # noqa: BLE001 - whatever befalls one bidder is its own failure
        reason = in_words(fault)
        emit(BidFailed(agent=agent, round=asked.round, reason=reason, usage=spent.usage))
        if isinstance(fault, ModelFault | TimeoutError) and not isinstance(fault, PromptTooLong):
            emit(AgentLost(agent=agent, reason=reason, hint=getattr(fault, "hint", "")))
        return
    if completion is None:
        emit(BidFailed(agent=agent, round=asked.round, reason=reason, usage=spent.usage))
        return
    emit(
        BidPlaced(
            agent=agent,
            round=asked.round,
            plan=completion.text.strip(),
            tokens=completion.text_tokens,
            entropy=_usable(completion.entropy),
            price=model.spec.price,
            recalled=asked.recalled,
            usage=spent.usage,
        )
    )


def nonsense(completion: Completion) -> str | None:
    """Why a text is no plan; None where it may be one."""
    text = completion.text.strip()
    if not text:
        return "wrote nothing"
    if completion.stop == "length":
        return f"did not end its plan within {completion.usage.output_tokens or completion.text_tokens} tokens"
    if "<tool_call>" in text:
        return "called a tool instead of planning"
    words = _WORD.findall(text)
    if len(words) < MIN_WORDS and (text.isascii() or sum(map(len, words)) < MIN_LETTERS):
        return "wrote no plan, not even two words"
    if len(words) >= 20 and len(set(words)) <= len(words) // 20:
        return "repeated itself without end"
    return None


async def _attempts(
    model: ChatModel, asked: Asked, setting: Setting, emit: Emit, spent: _Spent
) -> tuple[Completion | None, str]:
    reason = ""
    for attempt in range(ATTEMPTS):
        emit(BidStarted(agent=model.spec.name, round=asked.round))
        sampling = msgspec.structs.replace(model.spec.bidding, seed=model.spec.bidding.seed + attempt)
        request = Generate(
            messages=asked.messages,
            tools=setting.tools,
            sampling=sampling,
            max_tokens=setting.rules.plan_tokens,
            thinking=False,
            deadline_seconds=setting.deadlines.bid,
        )
        completion = await _write(model, request, asked.round, emit, setting.deadlines.bid + setting.deadlines.grace)
        spent.usage += completion.usage
        fault = nonsense(completion)
        if fault is None:
            return completion, ""
        reason = fault if not reason or reason == fault else f"{reason}; then {fault}"
    return None, f"{reason} ({ATTEMPTS} attempts)"


async def _write(model: ChatModel, request: Generate, round_: Round, emit: Emit, seconds: float) -> Completion:
    progress = _Progress()
    try:
        async with asyncio.timeout(seconds), closing(model.generate(request)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Completion):
                    return piece
                if piece.channel == "text":
                    progress.add(piece)
                    emit(
                        BidDelta(
                            agent=model.spec.name,
                            round=round_,
                            text=piece.text,
                            tokens=progress.tokens,
                            entropy=_usable(progress.entropy),
                        )
                    )
    except TimeoutError as fault:
        raise TimeoutError(f"no plan within {seconds:g} s") from fault
    raise ModelFault("the model ended its turn without saying so", "see the worker's log")


def _usable(entropy: float | None) -> float | None:
    """An entropy that is no finite number from 0 up counts as missing."""
    return entropy if entropy is not None and math.isfinite(entropy) and entropy >= 0 else None
