"""An embedder without a model, for tests and demonstrations.

It knows spelling, not meaning: texts are near where they share words and parts of words.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence

DIMENSIONS = 256


class HashingEmbedder:
    """Signed feature hashing of words and of their trigrams; the same everywhere, always."""

    name = "hashing-v1"

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One unit vector of 256 numbers a text; all zero where a text has no letter and no digit."""
        return [hash_text(text) for text in texts]

    async def close(self) -> None:
        """Nothing to end."""


def hash_text(text: str) -> list[float]:
    """The vector of one text."""
    vector = [0.0] * DIMENSIONS
    for word in re.findall(r"\w+", text.lower()):
        padded = f"^{word}$"
        features = [(word, 1.0), *((padded[at : at + 3], 0.3) for at in range(len(padded) - 2))]
        for feature, weight in features:
            digest = int.from_bytes(
                hashlib.blake2b(feature.encode("utf-8", "replace"), digest_size=8).digest(), "little"
            )
            vector[digest % DIMENSIONS] += weight if (digest >> 32) & 1 else -weight
    length = math.hypot(*vector)
    return [value / length for value in vector] if length else vector
