"""How long the user's documents take to be indexed, looked at again and searched.

python benchmarks/corpus_index.py                      10,000 files of Python's library, site-packages and the like
python benchmarks/corpus_index.py --folder /usr/share/doc --html
python benchmarks/corpus_index.py --embed-seconds 60   and by meaning, with the vectors that a minute gives
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import shutil
import statistics
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from sale_tui.documents.extract import SandboxExtractor
from sale_tui.documents.files import documents_in
from sale_tui.documents.library import Library, index_file
from sale_tui.documents.store import Store
from sale_tui.memory.embedder import SentenceEmbedder
from sale_tui.ports import Embedder
from sale_tui.sandbox.detect import choose_sandbox
from sale_tui.sandbox.owner import workspace_base
from sale_tui.sources import TextExtractor

QUERIES = 200


class NoEmbedder:
    """Gives no vector, so that words are measured alone."""

    name = "none"

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Waits for ever, as a model that loads."""
        await asyncio.Event().wait()
        return [[] for _ in texts]

    async def close(self) -> None:
        """Nothing to end."""


def main() -> None:
    """Copy, index, change, search, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    paths = sysconfig.get_paths()
    parser.add_argument("--folder", type=Path, action="append", help="where the files come from; may be repeated")
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--html", action="store_true", help="HTML and PDF as well, in the sandbox")
    parser.add_argument("--embed-seconds", type=float, default=0.0)
    given = parser.parse_args()
    folders = given.folder or [Path(paths["stdlib"]), Path(paths["purelib"]), Path("/usr/share/doc")]
    with tempfile.TemporaryDirectory() as scratch:
        asyncio.run(measure(Path(scratch), folders, given))


async def measure(scratch: Path, folders: list[Path], given: argparse.Namespace) -> None:
    """All figures, a line each."""
    root, cache = scratch / "documents", scratch / "cache"
    copied, size = copy_documents(folders, root, given.files, given.html)
    print(f"{copied} files, {size / 1e6:.1f} MB")
    extractor: TextExtractor | None = None
    if given.html:
        base = workspace_base(scratch / "data")
        base.mkdir(parents=True, exist_ok=True)
        extractor = SandboxExtractor(await choose_sandbox(base), base)
    library = Library(root, cache, NoEmbedder(), extractor)
    print(f"index all: {await timed(library):.2f} s")
    print(f"look again, nothing changed: {await timed(library):.3f} s")
    changed = next(file for file in documents_in(root) if file.kind == "text")
    (root / changed.name).write_text("a changed document about zanzibarian quokkas")
    print(f"re-index one change: {await timed(library):.3f} s")
    found = await library.search("zanzibarian quokkas")
    print(f"  found: {found.hits[0].document == changed.name}")
    queries = draw_queries(Store(index_file(cache, root.resolve())))
    await library.close()
    await ask(cache, root, queries, NoEmbedder(), "words")
    if given.embed_seconds:
        await embed(cache, root, queries, given.embed_seconds)


async def embed(cache: Path, root: Path, queries: list[str], seconds: float) -> None:
    """The rate of vectors, then searches that use them."""
    embedder = SentenceEmbedder()
    await embedder.embed(["warm up"])
    library = Library(root, cache, embedder, None)
    store = Store(index_file(cache, root.resolve()))
    await timed(library)
    await asyncio.sleep(seconds)
    await library.close()
    vectors = len(store.vectors_after(0))
    print(f"vectors: {vectors} in {seconds:g} s, {vectors / seconds:.1f} a second")
    await ask(cache, root, queries, embedder, f"words and {vectors} vectors")
    await embedder.close()


async def ask(cache: Path, root: Path, queries: list[str], embedder: Embedder, what: str) -> None:
    """Milliseconds of a query."""
    library = Library(root, cache, embedder, None)
    await library.search("first")
    times = []
    for query in queries:
        began = time.perf_counter()
        await library.search(query)
        times.append((time.perf_counter() - began) * 1000)
    await library.close()
    print(f"query by {what}: {statistics.median(times):.1f} ms median, {statistics.quantiles(times, n=20)[-1]:.1f} p95")


async def timed(library: Library) -> float:
    """Seconds of a whole pass."""
    began = time.perf_counter()
    async for _ in library.progress():
        pass
    return time.perf_counter() - began


def copy_documents(folders: list[Path], root: Path, most: int, html: bool) -> tuple[int, int]:
    """Copies documents until there are so many; how many there are, and their bytes."""
    size = count = 0
    for number, folder in enumerate(folders):
        files = (file for file in documents_in(folder) if html or file.kind == "text")
        for file in itertools.islice(files, most - count):
            target = root / str(number) / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / file.name, target)
            size += file.size
            count += 1
    return count, size


def draw_queries(store: Store) -> list[str]:
    """Two or three words that stand near each other in some document."""
    return list(itertools.islice(_draw(store, random.Random(1)), QUERIES))


def _draw(store: Store, rng: random.Random) -> Iterator[str]:
    names = store.names()
    while True:
        found = store.document(rng.choice(names))
        words = [word for word in (found[1] if found else "").split() if word.isalpha() and len(word) > 3]
        if len(words) > 10:
            at = rng.randrange(len(words) - 5)
            yield " ".join(rng.sample(words[at : at + 5], rng.choice((2, 3))))


if __name__ == "__main__":
    main()
