"""What kind a task is, when the user does not say: by the nearest labelled examples in the embedding space."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sale_tui.errors import ConfigurationFault
from sale_tui.ports import Embedder
from sale_tui.types import Kind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BUILT_IN = Path(__file__).parent / "data" / "kinds.jsonl"
NEIGHBOURS = 7
"""Odd, so that a plain majority exists; votes are weighed by cosine."""
EMBED_AT_ONCE = 64
"""So that a task's own embedding waits for one such batch at most."""


class LabelledExample(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of an examples file."""

    text: str
    kind: Kind


def read_examples(path: Path) -> list[LabelledExample]:
    """The examples of a JSON Lines file. Raises ConfigurationFault naming the file and what is wrong."""
    try:
        return msgspec.json.Decoder(LabelledExample).decode_lines(path.read_bytes())
    except OSError as error:
        raise ConfigurationFault(f"{path} cannot be read: {error.strerror}", "mend or remove the file") from error
    except msgspec.MsgspecError as error:
        raise ConfigurationFault(
            f"{path}: {error}", 'each line is {"text": "...", "kind": "search" or "coding"}'
        ) from error


class KindClassifier:
    """k-NN over labelled examples; their embeddings are cached on disk by content and embedder."""

    def __init__(self, embedder: Embedder, cache: Path, files: Sequence[Path] = (BUILT_IN,)) -> None:
        """``cache`` is a folder that may be emptied at any time; ``files`` are examples, each cached on its own."""
        self._embedder = embedder
        self._cache = cache
        self._files = tuple(files)
        self._examples: list[LabelledExample] = []
        self._matrix: NDArray[np.float32] | None = None

    async def load(self) -> None:
        """Read the examples and their vectors, embedding those not cached. Raises SaleError, ConfigurationFault."""
        import numpy as np

        if self._matrix is not None:
            return
        examples: list[LabelledExample] = []
        parts: list[NDArray[np.float32]] = []
        for file in self._files:
            own = read_examples(file)
            if own:
                examples += own
                parts.append(await self._vectors([example.text for example in own]))
        if parts:
            self._examples, self._matrix = examples, np.concatenate(parts)

    async def nearest(self, vector: Sequence[float]) -> tuple[Kind, list[tuple[str, Kind, float]]]:
        """The kind that the nearest examples vote for, and those (text, kind, cosine), nearest first..

        Raises SaleError, ConfigurationFault.
        """
        import numpy as np

        await self.load()
        if self._matrix is None:
            raise ConfigurationFault("there are no labelled examples", "install sale-tui again")
        cosines = self._matrix @ np.asarray(vector, dtype=np.float32)
        order = np.argsort(-cosines, kind="stable")[:NEIGHBOURS].tolist()
        found = [(self._examples[at].text, self._examples[at].kind, round(float(cosines[at]), 6)) for at in order]
        return vote(found), found

    async def _vectors(self, texts: list[str]) -> NDArray[np.float32]:
        import numpy as np

        digest = hashlib.sha256("\0".join([self._embedder.name, *texts]).encode()).hexdigest()[:24]
        file = self._cache / f"kinds-{digest}.npy"
        try:
            cached: NDArray[np.float32] = np.load(file, allow_pickle=False)
            if cached.ndim == 2 and len(cached) == len(texts) and cached.dtype == np.float32:
                return cached
        except (OSError, ValueError):
            pass  # not there, or cut short: it is made again
        rows: list[list[float]] = []
        for start in range(0, len(texts), EMBED_AT_ONCE):
            rows += await self._embedder.embed(texts[start : start + EMBED_AT_ONCE])
        matrix = np.asarray(rows, dtype=np.float32)
        self._store(file, matrix)
        return matrix

    def _store(self, file: Path, matrix: NDArray[np.float32]) -> None:
        import numpy as np

        fresh = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
        try:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with fresh.open("wb") as stream:
                np.save(stream, matrix, allow_pickle=False)
            os.replace(fresh, file)  # noqa: PTH105  (whole or not at all, for other processes too)
        except OSError:
            # A cache that cannot be kept costs a second next time.
            with contextlib.suppress(OSError):
                fresh.unlink()


def vote(neighbours: Sequence[tuple[str, Kind, float]]) -> Kind:
    """The kind with the greater sum of cosines; the nearest one's where they are equal."""
    sums: dict[Kind, float] = {}
    for _, kind, cosine in neighbours:
        sums[kind] = sums.get(kind, 0.0) + max(cosine, 0.0)
    return max(sums, key=lambda kind: sums[kind])
