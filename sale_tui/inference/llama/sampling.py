"""Entropy of a distribution, and the draw of a token from it, in numpy.

Order of the draw: temperature, then top_k, top_p, min_p (as vLLM and transformers have it, for which the recommended
settings of models are given). The entropy is that of the raw distribution, before any of these (paper.md section 5).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sale_tui.types import Sampling

Floats = npt.NDArray[np.float32]

NEAR = (4.0, 14.0)
"""Nats below the most likely token (after temperature) within which candidates are looked for first."""


class Reader:
    """Reads distributions of one vocabulary; its work space is reused, so one thread at a time."""

    def __init__(self, vocabulary: int) -> None:
        self._shifted: Floats = np.empty(vocabulary, np.float32)
        self._weights: Floats = np.empty(vocabulary, np.float32)
        self._ones: Floats = np.ones(vocabulary, np.float32)

    def entropy(self, logits: Floats) -> float:
        """Nats of the softmax over all ``logits``: ln Σe^z - Σz·e^z / Σe^z with z = logit - max."""
        shifted = np.subtract(logits, logits.max(), out=self._shifted)
        # Impossible tokens have -inf, which would make 0 · -inf; e^-87 is the least that float32 holds at full speed.
        np.maximum(shifted, -87.0, out=shifted)
        weights = np.exp(shifted, out=self._weights)
        # Dot products run several sums side by side, which also keeps float32 accurate.
        total = float(np.dot(weights, self._ones))
        return float(np.log(total) - float(np.dot(shifted, weights)) / total)

    def probabilities(self, logits: Floats, tokens: list[int]) -> list[float]:
        """Probabilities of some tokens in the softmax over all."""
        shifted = np.subtract(logits, logits.max(), out=self._shifted)
        total = float(np.exp(shifted, out=self._weights).sum(dtype=np.float64))
        return [float(self._weights[token]) / total for token in tokens]


def candidates(logits: Floats, sampling: Sampling) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Tokens that may be drawn, most likely first, with their probabilities (summing to 1)."""
    top = float(logits.max())
    order, probabilities = _most_likely(logits, top, sampling)
    keep = len(order)
    if sampling.top_p < 1.0:
        keep = int(np.searchsorted(np.cumsum(probabilities), sampling.top_p)) + 1
    if sampling.min_p > 0.0:
        keep = min(keep, int(np.count_nonzero(probabilities >= sampling.min_p * probabilities[0])))
    keep = max(1, min(keep, len(order)))
    kept = probabilities[:keep]
    return order[:keep], kept / kept.sum()


def _most_likely(
    logits: Floats, top: float, sampling: Sampling
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """The top_k tokens, or without it as many as top_p needs, sorted, with probabilities."""
    size, heat = len(logits), sampling.temperature
    if 0 < sampling.top_k < size:
        near = _near(logits, top, heat, sampling.top_k)
        if near.size < sampling.top_k:
            near = np.argpartition(logits, size - sampling.top_k)[size - sampling.top_k :]
        elif near.size > 4 * sampling.top_k:
            near = near[np.argpartition(logits[near], near.size - sampling.top_k)[near.size - sampling.top_k :]]
        order = near[np.argsort(-logits[near], kind="stable")][: sampling.top_k]
        weights = np.exp((logits[order].astype(np.float64) - top) / heat)
        return order, weights / weights.sum()
    near = _near(logits, top, heat, size)
    total = float(np.exp((logits - np.float32(top)) / np.float32(heat)).sum(dtype=np.float64))
    weights = np.exp((logits[near].astype(np.float64) - top) / heat) / total
    if float(weights.sum()) < sampling.top_p:
        near = np.arange(size)
        weights = np.exp((logits.astype(np.float64) - top) / heat) / total
    ranks = np.argsort(-weights, kind="stable")
    return near[ranks], weights[ranks]


def _near(logits: Floats, top: float, heat: float, wanted: int) -> npt.NDArray[np.intp]:
    """Tokens close to the best; fewer than wanted where there are not so many."""
    near = np.flatnonzero(logits > top - NEAR[0] * heat)
    return near if near.size >= wanted else np.flatnonzero(logits > top - NEAR[1] * heat)


class Sampler:
    """Draws the tokens of one turn; the same seed and logits give the same tokens."""

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._random = np.random.Generator(np.random.PCG64(sampling.seed & 0xFFFF_FFFF_FFFF_FFFF))

    def draw(self, logits: Floats) -> int:
        """The next token."""
        if self._sampling.temperature <= 0.0 or self._sampling.top_k == 1:
            return int(logits.argmax())
        tokens, probabilities = candidates(logits, self._sampling)
        if len(tokens) == 1:
            return int(tokens[0])
        point = np.searchsorted(np.cumsum(probabilities), self._random.random(), side="right")
        return int(tokens[min(int(point), len(tokens) - 1)])
