"""The documents of one folder, as the port gives them: indexed beside the event loop, found at once, embedded late."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from pathlib import Path

from sale_tui.documents.indexer import NO_SANDBOX, Indexer, Progress, Stopped, broken
from sale_tui.documents.names import resembling
from sale_tui.documents.ranking import Meanings, by_words, excerpt, fuse, packed
from sale_tui.documents.store import Busy, Store
from sale_tui.errors import SaleError
from sale_tui.ports import Embedder
from sale_tui.sources import DocumentHit, DocumentText, Extracted, Found, Indexing, RawFile, TextExtractor

FRESH_SECONDS = 5.0
"""A search does not look at the folder again within this time."""
LOOK_SECONDS = 1.5
"""Longest that a search waits for a look at a folder that has been read before."""
QUERY_SECONDS = 1.0
"""Longest that a search waits for the query's vector."""
TICK_SECONDS = 0.2
EMBEDDED = 8
"""Passages a request: the same embedder is asked for queries and for the kinds of tasks."""
QUIET_SECONDS = 3.0
"""After a search no passage is embedded for so long: the next query would have to wait for it."""
MOST_VECTORS = 200_000
EXCERPT_CHARACTERS = 320
SHOWN = 5
"""Files that are named of those left out."""


def index_file(cache: Path, folder: Path) -> Path:
    """Where the index of a folder lies."""
    digest = hashlib.sha256(str(folder).encode("utf-8", "surrogateescape")).hexdigest()[:24]
    return cache / "documents" / f"{digest}.db"


class Library:
    """One folder. Belongs to one event loop; several processes may share its index."""

    def __init__(self, folder: Path, cache: Path, embedder: Embedder, extractor: TextExtractor | None) -> None:
        """``extractor``: None where there is no sandbox. Nothing is read yet."""
        self.folder = folder.resolve()
        self._path = index_file(cache, self.folder)
        self._embedder = embedder
        self._extractor = extractor
        self._store: Store | None = None
        self._meanings: Meanings | None = None
        self._stop = threading.Event()
        self._pass: asyncio.Task[None] | None = None
        self._embedding: asyncio.Task[None] | None = None
        self._plain = asyncio.Event()
        self._first = True
        self._progress = Progress(0, 0)
        self._looked = float("-inf")
        self._quiet_until = float("-inf")

    async def progress(self) -> AsyncIterator[Indexing]:
        """As the port says; a value whenever it has come further, at most five a second, the last one ``finished``."""
        running = self._begin()
        told: Progress | None = None
        while not running.done():
            if self._progress != told:
                told = self._progress
                yield Indexing(folder=str(self.folder), done=told.done, total=told.total)
            await asyncio.wait({running}, timeout=TICK_SECONDS)
        await running
        yield await self._summary()

    async def search(self, query: str, limit: int = 5) -> Found:
        """As the port says. Raises OSError, SaleError."""
        store = await self._ready()
        vector = await self._vector(query)
        ranked = await asyncio.to_thread(self._ranked, store, query, vector)
        hits: dict[str, DocumentHit] = {}
        for name, title, text in ranked:
            shown = excerpt(text, query, EXCERPT_CHARACTERS)
            hits.setdefault(name, DocumentHit(document=name, title=title, passage=shown))
        note = "" if vector is not None else "by words alone"
        if self._pass is not None and not self._pass.done():
            note = f"{note + ', ' if note else ''}{self._progress.done} of {self._progress.total} files read so far"
        return Found(hits=tuple(hits.values())[:limit], note=note)

    async def open(self, document: str) -> DocumentText | None:
        """As the port says. Raises OSError, SaleError."""
        store = await self._ready()
        return await asyncio.to_thread(_open, store, document)

    async def close(self) -> None:
        """Stop; what is being read is given up within a batch."""
        self._stop.set()
        for task in (self._embedding, self._pass):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError, OSError, sqlite3.Error, SaleError):
                    await task
        if self._store is not None:
            self._store.close()

    def _begin(self) -> asyncio.Task[None]:
        if self._pass is None or self._pass.done():
            self._looked = asyncio.get_running_loop().time()
            self._pass = asyncio.create_task(self._read())
            self._pass.add_done_callback(lambda done: done.cancelled() or done.exception())
        return self._pass

    async def _ready(self) -> Store:
        """The store, once it holds all plain text. Raises what the reading raised."""
        stale = asyncio.get_running_loop().time() - self._looked > FRESH_SECONDS
        running = self._begin() if stale or self._store is None else self._pass
        if running is not None and not running.done():
            plain = asyncio.create_task(self._plain.wait())
            try:
                known = self._store is not None and "complete" in await asyncio.to_thread(self._store.facts)
                await asyncio.wait(
                    {running, plain}, timeout=LOOK_SECONDS if known else None, return_when=asyncio.FIRST_COMPLETED
                )
            finally:
                plain.cancel()
        if running is not None and running.done() and not running.cancelled():
            await running
        if self._store is None:
            raise SaleError("the documents are not indexed", "search again")
        return self._store

    async def _read(self) -> None:
        self._plain.clear()
        loop = asyncio.get_running_loop()
        if self._store is None:
            self._store = await asyncio.to_thread(self._opened)
            self._meanings = Meanings(self._store)
        store, extractor = self._store, self._extractor
        indexer = Indexer(
            self.folder,
            store,
            None if extractor is None else lambda files: self._extracted(loop, extractor, files),
            lambda progress: setattr(self, "_progress", progress),
            self._stop.is_set,
            again=self._first,
        )
        self._first = False
        reading = asyncio.create_task(
            asyncio.to_thread(self._index, store, indexer, lambda: loop.call_soon_threadsafe(self._plain.set))
        )
        try:
            await asyncio.shield(reading)
        except asyncio.CancelledError:
            self._stop.set()
            await asyncio.wait({reading})
            raise
        finally:
            self._plain.set()
        if self._embedding is None or self._embedding.done():
            self._embedding = asyncio.create_task(self._embed(store))

    def _opened(self) -> Store:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return Store(self._path)

    def _index(self, store: Store, indexer: Indexer, plain_done: Callable[[], object]) -> None:
        for attempt in range(2):
            try:
                with store.turn("index"):
                    indexer.run(plain_done)
            except Busy:
                self._await_other(store)
            except Stopped:
                pass
            except sqlite3.Error as error:
                if attempt or not broken(error):
                    raise
                store.start_over()
                continue
            return

    def _await_other(self, store: Store) -> None:
        """Another process reads this folder: what it has stored is ours as well."""
        while not self._stop.wait(TICK_SECONDS):
            good, bad = store.counts()
            self._progress = Progress(good + bad, max(good + bad, self._progress.total))
            with suppress(Busy), store.turn("index"):
                return

    def _extracted(
        self, loop: asyncio.AbstractEventLoop, extractor: TextExtractor, files: Sequence[RawFile]
    ) -> list[Extracted]:
        """What the extractor makes of the files, asked for from the indexing thread."""
        work = asyncio.run_coroutine_threadsafe(_extraction(extractor, files), loop)
        while True:
            try:
                return work.result(TICK_SECONDS)
            except TimeoutError:
                if work.done():
                    raise
                if self._stop.is_set():
                    work.cancel()
                    raise Stopped from None

    async def _embed(self, store: Store) -> None:
        """Give every passage a vector, a few at a time; another process that does so is left to it."""
        try:
            with store.turn("embed"):
                if store.facts().get("embedder") != self._embedder.name:
                    await asyncio.to_thread(store.drop_vectors)
                    await asyncio.to_thread(store.set_fact, "embedder", self._embedder.name)
                stored = 0
                while stored < MOST_VECTORS and not self._stop.is_set():
                    rows = await asyncio.to_thread(store.without_vector, EMBEDDED * 16)
                    if not rows:
                        return
                    for at in range(0, len(rows), EMBEDDED):
                        await self._quiet()
                        part = rows[at : at + EMBEDDED]
                        vectors = await self._embedder.embed([text for _, text in part])
                        pairs = [(key, packed(vector)) for (key, _), vector in zip(part, vectors, strict=True)]
                        await asyncio.to_thread(store.add_vectors, pairs)
                    stored += len(rows)
        except (Busy, SaleError, sqlite3.Error, OSError):
            # Search by words goes on without; the next pass tries again.
            return

    async def _quiet(self) -> None:
        """Until nobody has searched for a while."""
        while (left := self._quiet_until - asyncio.get_running_loop().time()) > 0:  # noqa: ASYNC110 - time alone ends it
            await asyncio.sleep(left)

    async def _vector(self, query: str) -> list[float] | None:
        """The query's vector; None where no passage has one yet or the embedder is not there in time."""
        self._quiet_until = asyncio.get_running_loop().time() + QUIET_SECONDS
        if self._store is None or not await asyncio.to_thread(self._store.vectors_after, -1, 1):
            return None
        try:
            async with asyncio.timeout(QUERY_SECONDS):
                return (await self._embedder.embed([query]))[0]
        except (TimeoutError, SaleError, sqlite3.Error):
            return None

    def _ranked(self, store: Store, query: str, vector: list[float] | None) -> list[tuple[str, str, str]]:
        rankings = by_words(store, query)
        if vector is not None and self._meanings is not None:
            # As often as words rank: neither outvotes the other.
            rankings += [self._meanings.nearest(vector)] * max(len(rankings), 1)
        order = fuse(rankings)[:80]
        found = store.passages(order)
        return [found[key] for key in order if key in found]

    async def _summary(self) -> Indexing:
        if self._store is None:
            return Indexing(folder=str(self.folder), done=0, total=0, finished=True)
        store = self._store
        good, bad = await asyncio.to_thread(store.counts)
        shown = await asyncio.to_thread(store.problems, SHOWN)
        return Indexing(
            folder=str(self.folder),
            done=self._progress.total,
            total=self._progress.total,
            finished=True,
            documents=good,
            left_out=tuple(f"{name}: {problem}" for name, problem in shown),
            left_out_count=bad,
        )


async def _extraction(extractor: TextExtractor, files: Sequence[RawFile]) -> list[Extracted]:
    try:
        return await extractor.extract(files)
    except SaleError as error:
        problem = NO_SANDBOX if error.kind == "no_sandbox" else error.message
        return [Extracted(problem=problem)] * len(files)


def _open(store: Store, document: str) -> DocumentText | None:
    name = document.strip().removeprefix("./")
    found = store.document(name)
    if found is None:
        alike = resembling(name, store.names())
        if alike is None:
            return None
        name, found = alike, store.document(alike)
    return None if found is None else DocumentText(document=name, title=found[0], text=found[1])
