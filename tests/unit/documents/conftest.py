from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from sale_tui.documents.library import Library
from sale_tui.memory.hashing import HashingEmbedder
from sale_tui.sources import Indexing, TextExtractor

TEXTS = {
    "guide/start.md": "# Getting started\n\nInstall the kettle.\n\nThen press the green button to boil water.",
    "guide/clean.txt": "Descale the kettle once a month with vinegar.",
    "code/boil.py": "def boil(litres):\n    return litres * 4186 * 80\n",
    "README": "All about kettles and other things that heat.",
    "rst/toast.rst": "Toasting bread\n==============\n\nBread goes brown between glowing wires.",
}


def write_texts(root: Path, texts: dict[str, str]) -> Path:
    """A folder with files of these paths and texts."""
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_texts(tmp_path / "documents", TEXTS)


Open = Callable[..., Library]


@pytest.fixture
async def opened(folder: Path, tmp_path: Path) -> AsyncIterator[Open]:
    libraries: list[Library] = []

    def open_one(root: Path = folder, extractor: TextExtractor | None = None) -> Library:
        libraries.append(Library(root, tmp_path / "cache", HashingEmbedder(), extractor))
        return libraries[-1]

    yield open_one
    for library in libraries:
        await library.close()


async def read_all(library: Library) -> Indexing:
    """The last word of a whole pass."""
    told = [each async for each in library.progress()]
    assert told[-1].finished
    return told[-1]


async def until(reached: Callable[[], bool]) -> None:
    """Wait, not for ever, for something that nothing tells of."""
    async with asyncio.timeout(20):
        while not reached():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
