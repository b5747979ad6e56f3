from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sale_tui.documents.files import LARGEST
from sale_tui.documents.library import Library, index_file
from sale_tui.documents.ranking import excerpt, fuse
from sale_tui.documents.store import Store
from sale_tui.errors import NoSandbox
from sale_tui.sources import Extracted, RawFile
from tests.unit.documents.conftest import TEXTS, Open, read_all, until

HOSTILE = ['"', "a AND", "col:x", "*", "((", "NEAR(", "-x", "kettle OR OR", "^", "\0", "'; DROP TABLE words", "title:"]


async def names(library: Library, query: str) -> list[str]:
    return [hit.document for hit in (await library.search(query)).hits]


async def test_finds_by_words_and_opens(opened: Open) -> None:
    library = opened()
    found = await library.search("green button")
    assert found.hits[0].document == "guide/start.md"
    assert found.hits[0].title == "Getting started"
    assert "press the green button" in found.hits[0].passage
    text = await library.open("START")
    assert text is not None
    assert (text.document, text.text) == ("guide/start.md", TEXTS["guide/start.md"])
    assert await library.open("nothing") is None


async def test_titles_of_other_formats(opened: Open) -> None:
    library = opened()
    assert (await library.search("bread")).hits[0].title == "Toasting bread"
    assert (await names(library, "litres"))[0] == "code/boil.py"


async def test_progress_ends_with_the_whole(opened: Open, folder: Path) -> None:
    (folder / "binary.txt").write_bytes(b"\0\1\2" * 100)
    done = await read_all(opened())
    assert (done.total, done.documents, done.left_out_count) == (6, 5, 1)
    assert done.left_out == ("binary.txt: it is not text",)


async def test_a_second_session_reads_only_what_has_changed(opened: Open, folder: Path, tmp_path: Path) -> None:
    for path in folder.rglob("*"):
        os.utime(path, (1e9, 1e9))
    await read_all(opened())
    path = index_file(tmp_path / "cache", folder.resolve())
    before = Store(path).known()
    (folder / "guide/clean.txt").write_text("Now use lemon juice.")
    (folder / "README").unlink()
    library = opened()
    assert await names(library, "lemon") == ["guide/clean.txt"]
    assert await names(library, "vinegar") == []
    assert await library.open("README") is None
    after = Store(path).known()
    assert {name for name in after if after[name] != before.get(name)} == {"guide/clean.txt"}


async def test_a_file_changed_at_once_in_the_same_moment_is_seen(opened: Open, folder: Path) -> None:
    library = opened()
    await read_all(library)
    path = folder / "README"
    facts = path.stat()
    path.write_text("x" * facts.st_size)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    await read_all(library)
    text = await library.open("README")
    assert text is not None
    assert text.text.startswith("xxx")


@pytest.mark.parametrize("query", HOSTILE)
async def test_no_query_is_an_error(opened: Open, query: str) -> None:
    assert all(name in TEXTS for name in await names(opened(), query))


async def test_hostile_files(opened: Open, folder: Path) -> None:
    (folder.parent / "secret.md").write_text("topsecret kettle")
    (folder / "link.md").symlink_to(folder.parent / "secret.md")
    (folder / "out").symlink_to(folder.parent)
    (folder / "loop").symlink_to(folder)
    (folder / ".hidden.md").write_text("topsecret")
    os.mkfifo(folder / "pipe.md")
    with (folder / "huge.txt").open("wb") as stream:
        stream.truncate(LARGEST["text"] + 1)
    (folder / os.fsdecode(b"caf\xe9.md")).write_text("topsecret")
    library = opened()
    done = await read_all(library)
    assert await names(library, "topsecret") == []
    assert await library.open("../secret.md") is None
    assert {line.partition(":")[0] for line in done.left_out} == {"huge.txt", "caf?.md"}


async def test_a_folder_that_is_gone_is_told(opened: Open, folder: Path) -> None:
    library = opened(folder / "nothing")
    with pytest.raises(NotADirectoryError):
        await library.search("kettle")


async def test_meaning_joins_words(opened: Open, tmp_path: Path, folder: Path) -> None:
    (folder / "d.txt").write_text("Descaling descalingsx vinegary vinegarysx")
    library = opened()
    await read_all(library)
    store = Store(index_file(tmp_path / "cache", folder.resolve()))
    await until(lambda: not store.without_vector(1))
    # No such word anywhere; the embedder of the tests knows parts of words.
    found = await library.search("descalings vinegarys")
    assert (found.hits[0].document, found.note) == ("d.txt", "")


async def test_without_a_sandbox_plain_text_alone_is_indexed(opened: Open, folder: Path) -> None:
    (folder / "page.html").write_text("<p>kettle</p>")
    done = await read_all(opened())
    assert (done.documents, done.left_out_count) == (len(TEXTS), 1)
    assert done.left_out[0].startswith("page.html: HTML and PDF are read in the sandbox alone")


class Upper:
    """An extractor for tests of the index: it needs no sandbox."""

    def __init__(self) -> None:
        self.asked = 0

    async def extract(self, files: Sequence[RawFile]) -> list[Extracted]:
        self.asked += len(files)
        return [Extracted(text=file.content.decode().upper(), title="From HTML") for file in files]


class Closed:
    async def extract(self, files: Sequence[RawFile]) -> list[Extracted]:
        raise NoSandbox("there is none")


async def test_html_is_indexed_when_there_is_a_sandbox_again(opened: Open, folder: Path) -> None:
    (folder / "page.html").write_text("gurgle")
    os.utime(folder / "page.html", (1e9, 1e9))
    assert (await read_all(opened(extractor=Closed()))).left_out_count == 1
    extractor = Upper()
    library = opened(extractor=extractor)
    assert (await read_all(library)).left_out_count == 0
    assert (await library.search("gurgle")).hits[0].title == "From HTML"
    await read_all(opened(extractor=extractor))
    assert extractor.asked == 1


async def test_a_damaged_index_is_made_again(opened: Open, folder: Path, tmp_path: Path) -> None:
    library = opened()
    await read_all(library)
    await library.close()
    path = index_file(tmp_path / "cache", folder.resolve())
    path.write_bytes(b"not a database at all" * 1000)
    assert await names(opened(), "vinegar") == ["guide/clean.txt"]


async def test_two_sessions_at_once(opened: Open, folder: Path) -> None:
    for number in range(300):
        (folder / f"more{number}.txt").write_text(f"document number {number} of many")
    libraries = [opened(), opened(), opened()]
    found = await asyncio.gather(*(names(library, "number 217") for library in libraries))
    assert all(each[0] == "more217.txt" for each in found)


KILLED = """
import asyncio, sys
from pathlib import Path
from sale_tui.documents.library import Library
from sale_tui.memory.hashing import HashingEmbedder
async def main():
    async for each in Library(Path(sys.argv[1]), Path(sys.argv[2]), HashingEmbedder(), None).progress():
        print(each.done, flush=True)
asyncio.run(main())
"""


async def test_killed_while_indexing_it_goes_on_from_there(opened: Open, folder: Path, tmp_path: Path) -> None:
    for number in range(2000):
        (folder / f"many{number}.txt").write_text(f"item {number} " + "words to be indexed " * 40)
    arguments = ["-c", KILLED, str(folder), str(tmp_path / "cache")]
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    async for line in process.stdout:
        if int(line) > 100:
            process.kill()
            break
    assert await process.wait() == -signal.SIGKILL
    before = len(Store(index_file(tmp_path / "cache", folder.resolve())).known())
    assert before >= 100
    library = opened()
    done = await read_all(library)
    assert done.documents == 2000 + len(TEXTS)
    assert (await names(library, "item 1999"))[0] == "many1999.txt"
    with sqlite3.connect(index_file(tmp_path / "cache", folder.resolve())) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("SELECT count(*) - count(DISTINCT document) FROM passage WHERE place = 0").fetchone() == (0,)


@given(st.lists(st.lists(st.integers(0, 50), unique=True), max_size=3))
def test_fusion_keeps_everything_once(rankings: list[list[int]]) -> None:
    fused = fuse(rankings)
    assert sorted(fused) == sorted({item for ranking in rankings for item in ranking})
    if len(rankings) == 1:
        assert fused == rankings[0]


@given(st.text(max_size=800), st.text(max_size=40))
def test_an_excerpt_is_short_and_of_the_text(text: str, query: str) -> None:
    shown = excerpt(text, query, 100)
    assert len(shown) <= 104
    assert shown.removeprefix("… ").removesuffix(" …") in " ".join(text.split())


def test_an_excerpt_shows_the_words() -> None:
    assert "needle here" in excerpt("hay " * 200 + "a needle here " + "hay " * 200, "needle", 100)
