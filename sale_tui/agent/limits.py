"""How long a run may go on: steps, tokens, seconds, and patience with calls that make no sense."""

from __future__ import annotations

from sale_tui.errors import RunFailed
from sale_tui.ports import Clock
from sale_tui.types import Limits


class LimitReached(Exception):
    """A bound of the run is met; the message says which."""


class Budget:
    """What is left of a run's limits. Seconds count from its making."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._end = clock.monotonic() + limits.seconds
        self._tokens = 0
        self._strikes = 0

    @property
    def tokens(self) -> int:
        """Tokens that may still be generated."""
        return self._limits.tokens - self._tokens

    @property
    def seconds(self) -> float:
        """Seconds that are left, never below 0."""
        return max(self._end - self._clock.monotonic(), 0.0)

    def begin_step(self, step: int) -> None:
        """Raises LimitReached where there is nothing left for this step."""
        if step > self._limits.steps:
            raise LimitReached(f"no answer within {self._limits.steps} steps")
        self.check()

    def check(self) -> None:
        """Raises LimitReached where tokens or seconds are used up."""
        if self.tokens <= 0:
            raise self.too_long()
        if self.seconds <= 0:
            raise self.too_late()

    def too_long(self) -> LimitReached:
        """What to raise where the tokens ran out."""
        return LimitReached(f"no answer within {self._limits.tokens} tokens")

    def too_late(self) -> LimitReached:
        """What to raise where the time ran out."""
        return LimitReached(f"no answer within {self._limits.seconds:g} s")

    def spend(self, tokens: int) -> None:
        """Tokens were generated."""
        self._tokens += tokens

    def extend(self, seconds: float) -> None:
        """That much time did not count."""
        self._end += seconds

    def strike(self, reason: str) -> None:
        """A call made no sense. Raises RunFailed at the last of too many in a row."""
        self._strikes += 1
        if self._strikes >= self._limits.malformed:
            raise RunFailed(f"{self._strikes} useless turns or calls in a row; the last one: {reason}")

    def sense(self) -> None:
        """A call made sense: the row of bad ones is broken."""
        self._strikes = 0
