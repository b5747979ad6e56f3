"""How often the right document is among the first five: by words alone, by meaning alone, by both.

python benchmarks/search_quality.py              the docstrings of Python's own modules, about 170 documents
python benchmarks/search_quality.py --words      without the embedder: words alone

The queries, with the modules that answer them, are in ``search_queries.tsv``: written by hand in a stranger's words,
before anything was searched.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from sale_tui.documents.library import Library, index_file
from sale_tui.documents.ranking import Meanings, by_words, fuse
from sale_tui.documents.store import Store
from sale_tui.memory.embedder import SentenceEmbedder

FIRST = 5
LEAST_CHARACTERS = 60
"""Of a docstring that says anything."""
LEFT_OUT = (
    "site-packages",
    "test",
    "idlelib",
    "lib2to3",
    "turtledemo",
    "ensurepip",
    "pydoc_data",
    "distutils",
    "encodings",
)
QUERIES = Path(__file__).with_name("search_queries.tsv")


class Query(NamedTuple):
    """One labelled query."""

    right: frozenset[str]
    """Documents that answer it."""
    text: str


def queries() -> list[Query]:
    """All of them."""
    rows = (line.split("\t") for line in QUERIES.read_text("utf-8").splitlines())
    return [Query(frozenset(f"{name}.txt" for name in right.split("|")), text) for right, text in rows]


def docstrings() -> Iterator[tuple[str, str]]:
    """Names and docstrings of the modules of this Python."""
    root = Path(sysconfig.get_paths()["stdlib"])
    for path in sorted((*root.glob("*.py"), *root.glob("*/*.py"))):
        parts = path.relative_to(root).with_suffix("").parts
        if parts[0] in LEFT_OUT or any(part.startswith("_") and part != "__init__" for part in parts):
            continue
        text = ast.get_docstring(ast.parse(path.read_bytes())) or ""
        if len(text) > LEAST_CHARACTERS:
            yield ".".join(part for part in parts if part != "__init__"), text


def documents_of(store: Store, passages: Sequence[int]) -> list[str]:
    """The documents that passages are of, in their order."""
    found = store.passages(list(passages))
    return list(dict.fromkeys(found[key][0] for key in passages if key in found))


def told(what: str, answers: list[list[str]], asked: list[Query]) -> str:
    """One line of the figures."""
    hits = [bool(query.right & set(answer[:FIRST])) for query, answer in zip(asked, answers, strict=True)]
    first = sum(bool(answer) and answer[0] in query.right for query, answer in zip(asked, answers, strict=True))
    missed = ", ".join(query.text for query, hit in zip(asked, hits, strict=True) if not hit)
    return f"{what}: recall@{FIRST} {sum(hits)} of {len(asked)}, first {first}; missed: {missed or 'none'}"


async def measure(scratch: Path, words_alone: bool) -> None:
    """Index, wait for every vector, ask."""
    folder, cache, asked = scratch / "documents", scratch / "cache", queries()
    folder.mkdir()
    for name, text in docstrings():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    embedder = SentenceEmbedder()
    library = Library(folder, cache, embedder, None)
    async for _ in library.progress():
        pass
    store = Store(index_file(cache, folder.resolve()))
    names = set(store.names())
    unanswered = [query.text for query in asked if not query.right & names]
    if unanswered:
        raise SystemExit(f"this Python has no answer to: {', '.join(unanswered)}")
    print(f"{len(names)} documents, {len(asked)} queries")
    try:
        print(told("words alone", [documents_of(store, fuse(by_words(store, each.text))) for each in asked], asked))
        if words_alone:
            return
        while store.without_vector(1):  # noqa: ASYNC110 - nothing tells of the last one
            await asyncio.sleep(0.5)
        meanings, vectors = Meanings(store), await embedder.embed([query.text for query in asked])
        print(told("meaning alone", [documents_of(store, meanings.nearest(each)) for each in vectors], asked))
        found = [await library.search(query.text, FIRST) for query in asked]
        print(told("both", [[hit.document for hit in each.hits] for each in found], asked))
    finally:
        await library.close()
        await embedder.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", action="store_true", help="words alone")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        asyncio.run(measure(Path(scratch), given.words))


if __name__ == "__main__":
    main()
