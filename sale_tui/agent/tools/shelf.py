"""The corpus that ``search`` and ``open`` share, read once, when first asked for."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sale_tui.agent.tools.corpus import Corpus


class Shelf:
    """One folder of documents. Indexing it never holds up the event loop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._corpus: asyncio.Task[Corpus] | None = None

    async def corpus(self) -> Corpus:
        """The corpus. Raises OSError where the folder cannot be read; the next call tries again."""
        if self._corpus is None or (self._corpus.done() and self._failed(self._corpus)):
            self._corpus = asyncio.create_task(asyncio.to_thread(Corpus, self.folder))
        # One caller's cancellation must not spoil it for the other.
        return await asyncio.shield(self._corpus)

    @staticmethod
    def _failed(task: asyncio.Task[Corpus]) -> bool:
        return task.cancelled() or task.exception() is not None
