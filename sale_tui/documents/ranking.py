"""Which passages answer a query: by words, by meaning, and the two rankings made one."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from sale_tui.documents.store import Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_WORDS = 24
"""Of a query."""
CANDIDATES = 60
"""Passages of each ranking."""
FUSION = 60.0
"""k of reciprocal rank fusion: the usual one."""
LEAST_COSINE = 0.2
"""Below it a passage has nothing to do with the query."""
STORED = "<f2"
"""Vectors lie in the file as half floats: a quarter of a percent of a cosine, for half the room."""

_WORD = re.compile(r"\w+")
_COMMON = frozenset((
    "a", "about", "an", "and", "are", "as", "at", "be", "by", "can", "do", "does", "for", "from", "how", "i",
    "in", "is", "it", "its", "my", "of", "on", "or", "that", "the", "their", "there", "these", "this", "to",
    "was", "what", "when", "where", "which", "who", "why", "will", "with", "you", "your",
))  # fmt: skip


def by_words(store: Store, query: str, limit: int = CANDIDATES) -> list[list[int]]:
    """Two rankings: passages that hold all telling words of the query, and those that hold any of them.

    What holds all is in both, so that meaning alone does not push it down. No query is ever an error.
    """
    words = list(dict.fromkeys(_WORD.findall(query.replace("\0", " "))))[:MOST_WORDS]
    telling = [word for word in words if word.lower() not in _COMMON] or words
    if not telling:
        return []
    quoted = [f'"{word}"' for word in telling]
    every = store.match(" AND ".join(quoted), limit)
    some = store.match(" OR ".join(quoted), limit) if len(quoted) > 1 and len(every) < limit else []
    return [every, list(dict.fromkeys([*every, *some]))[:limit]]


def fuse(rankings: Iterable[Sequence[int]]) -> list[int]:
    """One ranking of several by reciprocal ranks: what several of them name comes first; ties as they appear."""
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, item in enumerate(ranking, start=1):
            scores[item] = scores.get(item, 0.0) + 1.0 / (FUSION + rank)
    return sorted(scores, key=lambda item: -scores[item])


def excerpt(text: str, query: str, characters: int) -> str:
    """The part of a passage, on one line, that holds the most different words of the query."""
    line = " ".join(text.split())
    if len(line) <= characters:
        return line
    words = {word.lower() for word in _WORD.findall(query)} - _COMMON
    places = [(match.start(), match.group().lower()) for match in _WORD.finditer(line)]
    hits = [(at, word) for at, word in places if word in words][:200]
    lead = characters // 4
    best, start = 0, 0
    for at, _ in hits:
        held = len({word for place, word in hits if at <= place < at + characters - lead})
        if held > best:
            best, start = held, max(at - lead, 0)
    if start:
        start = line.find(" ", start) + 1
    cut = line[start : start + characters]
    return ("… " if start else "") + cut.rstrip() + (" …" if start + characters < len(line) else "")


class Meanings:
    """The vectors of one store in memory, as every process has stored them. Any thread may call it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._removals = ""
        self._clear()

    def __len__(self) -> int:
        """Vectors in memory."""
        return self._used

    def nearest(self, vector: Sequence[float], limit: int = CANDIDATES) -> list[int]:
        """The passages whose vectors have the highest cosine, highest first, none below LEAST_COSINE."""
        import numpy as np

        with self._lock:
            self._refresh()
            if self._matrix is None or len(vector) != self._matrix.shape[1]:
                return []
            cosines = self._matrix[: self._used] @ np.asarray(vector, dtype=np.float32)
            best = np.argsort(-cosines, kind="stable")[:limit] if len(cosines) <= limit else _top(cosines, limit)
            return [self._passages[at] for at in best.tolist() if cosines[at] >= LEAST_COSINE]

    def _clear(self) -> None:
        self._matrix: NDArray[np.float32] | None = None
        self._passages: list[int] = []
        self._used = 0
        self._last = 0

    def _refresh(self) -> None:
        import numpy as np

        removals = self._store.facts().get("removals", "")
        if removals != self._removals:
            self._clear()
            self._removals = removals
        rows = self._store.vectors_after(self._last)
        if not rows:
            return
        fresh = np.stack([np.frombuffer(value, dtype=STORED) for _, _, value in rows]).astype(np.float32)
        needed = self._used + len(fresh)
        if self._matrix is None or needed > len(self._matrix):
            larger = np.zeros((max(needed, 2 * self._used), fresh.shape[1]), dtype=np.float32)
            if self._matrix is not None:
                larger[: self._used] = self._matrix[: self._used]
            self._matrix = larger
        self._matrix[self._used : needed] = fresh
        self._used = needed
        self._passages += [passage for _, passage, _ in rows]
        self._last = rows[-1][0]


def _top(values: NDArray[np.float32], limit: int) -> NDArray[np.intp]:
    import numpy as np

    best = np.argpartition(-values, limit)[:limit]
    ordered: NDArray[np.intp] = best[np.argsort(-values[best], kind="stable")]
    return ordered


def packed(vector: Sequence[float]) -> bytes:
    """A vector as it is stored."""
    import numpy as np

    return np.asarray(vector, dtype=STORED).tobytes()
