"""Embeddings of remembered tasks: stored in SQLite, searched exactly in one float32 matrix.

At 30,000 tasks of 384 dimensions the matrix is 46 MB and a search takes a few milliseconds (engine.md 12).
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sale_tui.memory.database import connect, writing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DIGITS = 6
"""Cosines are compared rounded to this many digits: below that, float32 depends on where a row lies."""


def content_hash(text: str) -> str:
    """SHA-256 of a text, by which its embedding is found again."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class VectorIndex:
    """The vectors of one embedder, as every process has stored them. Any thread may call it.

    Has a connection of its own, so that loading many rows in a thread does not keep the writer waiting.
    """

    def __init__(self, path: Path, embedder: str) -> None:
        """``path`` holds a migrated database; ``embedder`` names the only vector space that is looked at."""
        self._embedder = embedder
        self._db = connect(path)
        self._lock = threading.Lock()
        self._matrix: NDArray[np.float32] | None = None
        self._ids: list[str] = []
        self._rows: dict[str, int] = {}
        self._last = 0
        self._removals = 0

    def add(self, auction: str, text: str, vector: Sequence[float]) -> None:
        """Store the vector of an auction's task; replaces an older one. Raises SaleError where the disk refuses."""
        import numpy as np

        values = np.asarray(vector, dtype="<f4")
        with self._lock, writing(self._db) as db:
            db.execute(
                "INSERT OR REPLACE INTO vectors (auction, embedder, dim, hash, vector) VALUES (?, ?, ?, ?, ?)",
                (auction, self._embedder, len(values), content_hash(text), values.tobytes()),
            )

    def known(self, text: str) -> list[float] | None:
        """The stored vector of this very text, if any auction had it."""
        import numpy as np

        with self._lock:
            row = self._db.execute(
                "SELECT vector FROM vectors WHERE embedder = ? AND hash = ? LIMIT 1",
                (self._embedder, content_hash(text)),
            ).fetchone()
        if row is None:
            return None
        values: list[float] = np.frombuffer(row[0], dtype="<f4").tolist()
        return values

    def missing(self, limit: int) -> list[tuple[str, str]]:
        """(auction, task) of ended auctions with an award that have no vector here yet, newest first."""
        with self._lock:
            return self._db.execute(
                "SELECT id, task FROM auctions JOIN awards ON awards.auction = id"
                " WHERE ended IS NOT NULL AND task IS NOT NULL"
                " AND NOT EXISTS (SELECT 1 FROM vectors WHERE vectors.auction = id AND embedder = ?)"
                " ORDER BY id DESC LIMIT ?",
                (self._embedder, limit),
            ).fetchall()

    def count(self) -> int:
        """How many auctions have a vector here."""
        with self._lock:
            row = self._db.execute("SELECT count(*) FROM vectors WHERE embedder = ?", (self._embedder,)).fetchone()
        return int(row[0])

    def nearest(self, vector: Sequence[float], k: int, among: Collection[str] | None = None) -> list[tuple[str, float]]:
        """The k auctions (of ``among``, if given) with the highest cosine, exactly; equal ones by id, newest first."""
        import numpy as np

        with self._lock:
            self._refresh()
            rows = None if among is None else [self._rows[name] for name in among if name in self._rows]
            if self._matrix is None or rows == [] or k <= 0 or len(vector) != self._matrix.shape[1]:
                return []
            query = np.asarray(vector, dtype=np.float32)
            cosines = self._matrix[: len(self._ids)] @ (query / (np.linalg.norm(query) or 1))
            picked = np.round((cosines if rows is None else cosines[rows]).astype(np.float64), DIGITS)
            cut = np.partition(picked, len(picked) - k)[len(picked) - k] if len(picked) > k else -np.inf
            near = (
                (float(picked[at]), at if rows is None else rows[at]) for at in np.flatnonzero(picked >= cut).tolist()
            )
            found = sorted(((cosine, self._ids[row]) for cosine, row in near), reverse=True)[:k]
        return [(name, cosine) for cosine, name in found]

    def close(self) -> None:
        """Close the connection; safe to call twice."""
        with self._lock:
            self._db.close()

    def _refresh(self) -> None:
        """Append the rows that this or another process has stored since; start over where rows have gone."""
        removals = int(self._db.execute("SELECT count FROM vector_removals").fetchone()[0])
        if removals != self._removals:
            self._matrix, self._ids, self._rows, self._last, self._removals = None, [], {}, 0, removals
        rows = self._db.execute(
            "SELECT id, auction, vector FROM vectors WHERE +embedder = ? AND id > ? ORDER BY id",
            (self._embedder, self._last),
        ).fetchall()
        if rows:
            self._append(rows)

    def _append(self, rows: list[tuple[int, str, bytes]]) -> None:
        import numpy as np

        fresh = np.stack([np.frombuffer(vector, dtype="<f4") for _, _, vector in rows]).astype(np.float32)
        lengths = np.linalg.norm(fresh, axis=1, keepdims=True)
        fresh /= np.where(lengths > 0, lengths, 1)
        used = len(self._ids)
        if self._matrix is None or used + len(fresh) > len(self._matrix):
            self._matrix = _grown(self._matrix, used, len(fresh), fresh.shape[1])
        self._matrix[used : used + len(fresh)] = fresh
        for identifier, name, _ in rows:
            self._rows[name] = len(self._ids)
            self._ids.append(name)
            self._last = identifier


def _grown(matrix: Any, used: int, more: int, width: int) -> NDArray[np.float32]:
    """Room for the rows to come: doubling keeps appending cheap."""
    import numpy as np

    larger = np.zeros((max(64, 2 * used, used + more), width), dtype=np.float32)
    if matrix is not None:
        larger[:used] = matrix[:used]
    return larger
