"""A price for a model that has none, along the Qwen3 prices of paper.md section 1."""

from __future__ import annotations

from bisect import bisect_left
from math import exp, log

ANCHORS = ((4.02e9, 0.05), (8.19e9, 0.09), (14.77e9, 0.16), (32.76e9, 0.36))
"""Parameters of Qwen3-4B, 8B, 14B, 32B and their dollars per million tokens."""


def estimated_price(parameters: int) -> float:
    """Dollars per million tokens: straight lines in log-log through the anchors, the outer ones prolonged.

    Rounded to two digits, since more would pretend to know. Raises ValueError for a model without parameters.
    """
    if parameters <= 0:
        raise ValueError("a model has parameters")
    sizes = [size for size, _ in ANCHORS]
    right = min(max(bisect_left(sizes, parameters), 1), len(ANCHORS) - 1)
    (small, low), (large, high) = ANCHORS[right - 1], ANCHORS[right]
    slope = log(high / low) / log(large / small)
    return float(f"{low * exp(slope * log(parameters / small)):.2g}")
