"""Web search: one engine, with a cache before it and patience behind it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence

import msgspec

from sale_tui.errors import SaleError
from sale_tui.ports import Clock
from sale_tui.sources import WebHit
from sale_tui.web.cache import WebCache
from sale_tui.web.engines import Engine, EngineFault

KEPT_SECONDS = 24 * 3600.0
RETRY_SECONDS = 1.0
"""Before the one retry within a call."""
LONGEST_SECONDS = 900.0
"""That an engine which is busy is left alone."""
QUERY_CHARACTERS = 400

_hits = msgspec.json.Decoder(list[WebHit])


class SearchUnavailable(SaleError):
    """The web cannot be searched now; the message says why, the hint what to do."""

    kind = "search_unavailable"


class WebSearcher:
    """Asks an engine; the same question within a day is answered from the cache.

    An engine that is busy is asked once more at once, then left alone for longer and longer.
    """

    def __init__(self, engine: Engine, cache: WebCache, clock: Clock, retry_seconds: float = RETRY_SECONDS) -> None:
        self._engine = engine
        self._cache = cache
        self._clock = clock
        self._retry_seconds = retry_seconds
        self._faults = 0
        self._silent_until = 0.0

    @property
    def name(self) -> str:
        """Of the engine."""
        return self._engine.name

    async def search(self, query: str, limit: int = 8) -> Sequence[WebHit]:
        """Results, best first. Raises SearchUnavailable."""
        asked = " ".join(query.split())[:QUERY_CHARACTERS]
        if not asked:
            return []
        key = hashlib.sha256(f"{self._engine.name}\0{limit}\0{asked}".encode("utf-8", "replace")).hexdigest()
        kept = await asyncio.to_thread(self._cache.get, key)
        if kept is not None:
            return _hits.decode(kept)
        hits = await self._ask(asked, limit)
        if hits:
            await asyncio.to_thread(self._cache.put, key, msgspec.json.encode(hits), KEPT_SECONDS)
        return hits

    async def _ask(self, query: str, limit: int) -> list[WebHit]:
        left = self._silent_until - self._clock.monotonic()
        if left > 0:
            raise self._unavailable(f"it was busy and is left alone for another {left:.0f} s", "wait, or ask otherwise")
        try:
            hits = await self._engine.search(query, limit)
        except EngineFault as fault:
            # What has no time to say, or asks for more than a moment, is not pressed.
            if not fault.busy or (fault.wait_seconds or 0.0) > self._retry_seconds:
                raise self._given_up(fault) from fault
            await asyncio.sleep(self._retry_seconds)
            try:
                hits = await self._engine.search(query, limit)
            except EngineFault as again:
                raise self._given_up(again) from again
        self._faults = 0
        return hits

    def _given_up(self, fault: EngineFault) -> SearchUnavailable:
        if fault.busy:
            self._faults += 1
            wait = max(fault.wait_seconds or 0.0, 5.0 * 2**self._faults)
            self._silent_until = self._clock.monotonic() + min(wait, LONGEST_SECONDS)
        return self._unavailable(str(fault), fault.hint)

    def _unavailable(self, why: str, hint: str) -> SearchUnavailable:
        return SearchUnavailable(f"search unavailable: {self._engine.name}: {why}", hint)
