"""Who may overrule: a person at a front end, within a countdown, or nobody."""

from __future__ import annotations

import asyncio

from sale_tui.commands import Accept, Answer, Command, Override, Pause, SetKind
from sale_tui.events import ApprovalAsked, AwardProposed
from sale_tui.ports import Clock
from sale_tui.types import Approval, Award, Kind, Scorecard


class AutoHuman:
    """Nobody is asked: every proposal is accepted at once, every call that waits for leave is denied."""

    asks = False

    async def choose_kind(self, proposed: Kind) -> Kind:
        """The proposal."""
        return proposed

    async def decide(self, proposal: AwardProposed) -> Award:
        """The proposed award."""
        return proposal.award

    async def approve(self, question: ApprovalAsked) -> Approval:
        """No, and what would have allowed it."""
        glob = question.covers or question.call
        return Approval(answer="deny", reason=f"nobody can be asked here; --allow '{glob}' would allow it")


class PromptHuman:
    """A person who sends commands; silence accepts when the time has run out.

    Commands count only while they are waited for: a key pressed too early decides nothing.
    """

    asks = True

    def __init__(self, clock: Clock, kind_seconds: float = 0.0, tick_seconds: float = 0.1) -> None:
        """``kind_seconds``: how long an automatic kind waits to be changed. ``tick_seconds``: between looks at time."""
        self._clock = clock
        self._kind_seconds = kind_seconds
        self._tick = tick_seconds
        self._inbox: asyncio.Queue[Command] = asyncio.Queue()
        self._deciding = False
        self._choosing = False
        self._held = False
        self._question = ""
        self._answers: asyncio.Queue[Answer] = asyncio.Queue()

    def receive(self, command: Command) -> bool:
        """Take a command; False where nobody waits for such a one now, or it changes nothing."""
        if isinstance(command, Answer):
            wanted = bool(self._question) and command.question == self._question
            if wanted:
                self._question = ""
                self._answers.put_nowait(command)
            return wanted
        if isinstance(command, Pause):
            if not self._deciding or command.held == self._held:
                return False
            self._held = command.held
        wanted = (self._deciding and isinstance(command, Accept | Override | Pause)) or (
            self._choosing and isinstance(command, Accept | SetKind)
        )
        if wanted:
            self._inbox.put_nowait(command)
        return wanted

    async def choose_kind(self, proposed: Kind) -> Kind:
        """The kind that is set within ``kind_seconds``, else the proposed one; Accept ends the waiting."""
        self._clear()
        self._choosing = True
        try:
            end = self._clock.monotonic() + self._kind_seconds
            while (left := end - self._clock.monotonic()) > 0:
                command = await self._next(left)
                if isinstance(command, SetKind):
                    return command.kind
                if isinstance(command, Accept):
                    break
            return proposed
        finally:
            self._choosing = False

    async def decide(self, proposal: AwardProposed) -> Award:
        """The proposed award, or the one of an Override, before ``deadline_seconds`` are over.

        Pause stops the countdown where it stands. An Override of an agent without a bid is passed over.
        """
        self._clear()
        self._deciding, self._held = True, False
        left, held, before = proposal.deadline_seconds, False, self._clock.monotonic()
        try:
            while held or left > 0:
                command = await self._next(self._tick if held else left)
                now = self._clock.monotonic()
                left -= 0.0 if held else now - before
                before = now
                if isinstance(command, Pause):
                    held = command.held
                elif isinstance(command, Accept):
                    break
                elif isinstance(command, Override) and (award := _overruled(command, proposal)) is not None:
                    return award
            return proposal.award
        finally:
            self._deciding = False

    async def approve(self, question: ApprovalAsked) -> Approval:
        """The first Answer to this question; cancelling it withdraws the question."""
        self._question = question.question
        try:
            given = await self._answers.get()
        finally:
            self._question = ""
        return Approval(answer=given.answer, reason=given.reason)

    def _clear(self) -> None:
        while not self._inbox.empty():
            self._inbox.get_nowait()

    async def _next(self, seconds: float) -> Command | None:
        try:
            async with asyncio.timeout(min(seconds, self._tick)):
                return await self._inbox.get()
        except TimeoutError:
            return None


def _overruled(command: Override, proposal: AwardProposed) -> Award | None:
    """The agent's better bid (its refined one where neither is scored); the proposed award where it is that one's."""
    if command.agent == proposal.award.agent:
        return proposal.award
    cards = [card for card in proposal.scorecards if card.agent == command.agent]
    if not cards:
        return None
    card = min(cards, key=_preference)
    return Award(agent=card.agent, round=card.round, by="user", reason=command.reason or "overruled by the user")


def _preference(card: Scorecard) -> tuple[bool, float, bool]:
    return (card.total is None, 0.0 if card.total is None else card.total, card.round != "refined")
