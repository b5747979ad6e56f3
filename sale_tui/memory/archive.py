"""The auction memory as front ends look into it: implements archive.Archive."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from sale_tui.archive import Account, AuctionSummary, SearchResult, StoredAuction, Wanted
from sale_tui.memory.store import AuctionStore
from sale_tui.types import AuctionRecord, Outcome


class MemoryArchive:
    """Looks through a connection of its own: a long look must not keep the log of a running auction waiting."""

    def __init__(self, path: Path, search: Callable[[str, int, Wanted], Awaitable[SearchResult]]) -> None:
        """``path``: of the database. ``search``: finds by meaning."""
        self._store = AuctionStore(path)
        self._search = search

    def page(self, wanted: Wanted, limit: int, before: str | None = None) -> list[AuctionSummary]:
        """The newest auctions first; ``before`` is the id where the last page ended."""
        return self._store.list_auctions(limit, before, wanted)

    def count(self, wanted: Wanted) -> int:
        """How many there are."""
        return len(self._store.ids(wanted))

    def agents(self) -> list[str]:
        """Everybody who ever got an award, by name."""
        return self._store.agents()

    async def search(self, text: str, wanted: Wanted, limit: int) -> SearchResult:
        """The auctions whose task means nearly the same, nearest first; by words where no embedding can be had."""
        return await self._search(text, limit, wanted)

    def get_auction(self, auction: str) -> StoredAuction:
        """Everything about one auction, its events included."""
        return self._store.get_auction(auction)

    def past_records(self, limit: int, without: str = "") -> list[AuctionRecord]:
        """Records of the newest auctions that were judged and awarded."""
        return self._store.past_records(limit, without)

    def accounts(self) -> list[Account]:
        """One line an auction, the oldest first."""
        return self._store.accounts()

    def set_outcome(self, auction: str, outcome: Outcome) -> None:
        """Keep whether the answer was right."""
        self._store.mark(auction, outcome)

    def forget(self, auctions: Sequence[str]) -> int:
        """Remove auctions with all that was kept of them."""
        return self._store.forget([self._store.resolve(auction) for auction in auctions])

    def close(self) -> None:
        """Close the connection; safe to call twice."""
        self._store.close()
