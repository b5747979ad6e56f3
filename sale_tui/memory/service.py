"""The auction memory as the session sees it: store, vectors, recall and kinds behind ports.Memory."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import OrderedDict
from pathlib import Path

from sale_tui.archive import SearchHit, SearchResult, Wanted
from sale_tui.errors import SaleError
from sale_tui.events import Event
from sale_tui.memory.archive import MemoryArchive
from sale_tui.memory.database import connect
from sale_tui.memory.kinds import BUILT_IN, KindClassifier
from sale_tui.memory.recall import candidates, choose_pairs, load_past
from sale_tui.memory.store import AuctionStore
from sale_tui.memory.vectors import VectorIndex
from sale_tui.ports import Embedder
from sale_tui.types import ContrastPair, Kind, Outcome

KEPT_TEXTS = 64
"""Embeddings kept in memory: a task is embedded once for its kind, its recall and its own remembering."""

CAUGHT_UP_AT_ONCE = 64
"""Older auctions embedded per call where their own session could not."""


class MemoryService:
    """Implements ports.Memory. Belongs to one event loop; closes the database, not the embedder."""

    def __init__(self, store: AuctionStore, vectors: VectorIndex, kinds: KindClassifier, embedder: Embedder) -> None:
        self.store = store
        self.archive = MemoryArchive(store.path, self.search)
        self._vectors = vectors
        self._kinds = kinds
        self._embedder = embedder
        self._reader = connect(store.path)
        self._texts: OrderedDict[str, list[float]] = OrderedDict()
        self._warming: asyncio.Task[None] | None = None
        self._reading = threading.Lock()
        self._catching_up = asyncio.Lock()

    def warm(self) -> None:
        """Make the embeddings of the labelled examples ready in the background; needs a running event loop."""
        if self._warming is None:
            self._warming = asyncio.create_task(self._warm())

    def write(self, event: Event) -> None:
        """Store an event durably before it is shown. Raises SaleError."""
        self.store.write(event)

    def set_outcome(self, auction: str, outcome: Outcome) -> None:
        """Store whether the answer was right. Raises ConfigurationFault for an unknown auction."""
        self.store.set_outcome(auction, outcome)

    async def recall(self, text: str, author_sha256: str, neighbours: int) -> list[ContrastPair]:
        """Contrastive pairs for the model file with this hash, nearest task first (paper.md 1.5; rules in recall.py).

        Empty where the memory holds none. Raises SaleError where no embedding can be had; an empty memory never asks
        for one.
        """
        found = await asyncio.to_thread(self._candidates, author_sha256)
        if not found or neighbours <= 0:
            return []
        with contextlib.suppress(SaleError):
            await self._catch_up()
        vector = await self._embedded(text)
        return await asyncio.to_thread(self._pairs, vector, author_sha256, neighbours, found)

    async def remember(self, auction: str) -> int:
        """Embed an auction's task so that later ones recall it, if it came to an award; how many there are now.

        Raises SaleError where no embedding can be had; a later auction then makes up for it. Raises ConfigurationFault
        for an unknown auction.
        """
        stored = await asyncio.to_thread(self.store.get_head, auction)
        if stored.agent is not None and stored.task:
            await self._remember(stored.id, stored.task)
        return self._vectors.count()

    async def nearest_kind(self, text: str) -> tuple[Kind, list[tuple[str, Kind, float]]]:
        """Kind of the nearest labelled examples, with those (text, kind, cosine), nearest first.

        Raises SaleError where no embedding can be had; the caller may then go by kind_words.kind_by_words.
        """
        return await self._kinds.nearest(await self._embedded(text))

    async def search(self, text: str, limit: int = 20, wanted: Wanted | None = None) -> SearchResult:
        """Past auctions by the meaning of their task, or by their words where no embedding can be had."""
        try:
            await self._catch_up()
            vector = await self._embedded(text)
        except SaleError as error:
            return await asyncio.to_thread(self.search_words, text, limit, error.message, wanted)
        among = None if wanted in {None, Wanted()} else await asyncio.to_thread(self.store.ids, wanted)
        found = await asyncio.to_thread(self._vectors.nearest, vector, limit, among)
        summaries = await asyncio.to_thread(self.store.summaries_of, [name for name, _ in found])
        heads = {head.id: head for head in summaries}
        hits = tuple(SearchHit(auction=heads[name], similarity=cosine) for name, cosine in found if name in heads)
        return SearchResult(hits=hits, by="meaning")

    def search_words(self, text: str, limit: int = 20, reason: str = "", wanted: Wanted | None = None) -> SearchResult:
        """Past auctions that hold every word, newest first, without an embedder."""
        heads = self.store.search_words(text, limit, wanted)
        hits = tuple(SearchHit(auction=head, similarity=None) for head in heads)
        return SearchResult(hits=hits, by="words", reason=reason)

    def close(self) -> None:
        """Close the database; safe to call twice."""
        if self._warming is not None:
            self._warming.cancel()
        self.archive.close()
        self._reader.close()
        self._vectors.close()
        self.store.close()

    def _candidates(self, author: str) -> set[str]:
        with self._reading:
            return candidates(self._reader, author)

    def _pairs(self, vector: list[float], author: str, wanted: int, among: set[str]) -> list[ContrastPair]:
        # More and more of the nearest, until enough of them give a pair: nearly always the first look suffices.
        looked_at = 2 * wanted
        while True:
            near = self._vectors.nearest(vector, looked_at, among)
            cosines = dict(near)
            with self._reading:
                ranked = ((past, cosines[past.id]) for past in load_past(self._reader, list(cosines)))
                pairs = choose_pairs(ranked, author, wanted)
            if len(pairs) >= wanted or len(near) < looked_at:
                return pairs
            looked_at *= 4

    async def _warm(self) -> None:
        # What fails here is told where it is needed.
        with contextlib.suppress(SaleError):
            await self._kinds.load()
            await self._catch_up()

    async def _catch_up(self) -> None:
        async with self._catching_up:
            for auction, task in await asyncio.to_thread(self._vectors.missing, CAUGHT_UP_AT_ONCE):
                await self._remember(auction, task)

    async def _remember(self, auction: str, task: str) -> None:
        vector = await self._embedded(task)
        await asyncio.to_thread(self._vectors.add, auction, task, vector)

    async def _embedded(self, text: str) -> list[float]:
        # A lone surrogate, from a command line or a tool, has no bytes to send to the embedder.
        text = text.encode("utf-8", "replace").decode("utf-8")
        vector = self._texts.get(text) or await asyncio.to_thread(self._vectors.known, text)
        if vector is None:
            vector = (await self._embedder.embed([text]))[0]
        self._texts[text] = vector
        self._texts.move_to_end(text)
        if len(self._texts) > KEPT_TEXTS:
            self._texts.popitem(last=False)
        return vector


def open_memory(database: Path, embedder: Embedder, cache: Path, examples: Path | None = None) -> MemoryService:
    """Open the memory. ``cache`` is a folder for what can be made again, ``examples`` a pool's own kinds.jsonl.

    Raises ConfigurationFault: not a database, not writable, or of a newer version.
    """
    store = AuctionStore(database)
    files = (BUILT_IN,) if examples is None or not examples.is_file() else (BUILT_IN, examples)
    return MemoryService(store, VectorIndex(database, embedder.name), KindClassifier(embedder, cache, files), embedder)
