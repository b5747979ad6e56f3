"""Entropy against a plain numpy reference, and the draws against the probabilities that they should have."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sale_tui.inference.llama.sampling import Reader, Sampler, candidates
from sale_tui.types import Sampling

sizes = st.integers(2, 4000)
spreads = st.floats(0.0, 30.0)
seeds = st.integers(0, 2**32 - 1)


def make(size, spread, seed):
    return (np.random.default_rng(seed).standard_normal(size) * spread).astype(np.float32)


def reference(logits, temperature=1.0):
    weights = np.exp((logits.astype(np.float64) - logits.max()) / temperature)
    return weights / weights.sum()


@given(sizes, spreads, seeds)
def test_entropy(size, spread, seed):
    logits = make(size, spread, seed)
    chances = reference(logits)
    chances = chances[chances > 0]
    assert Reader(size).entropy(logits) == pytest.approx(-float((chances * np.log(chances)).sum()), abs=1e-5)


def test_entropy_of_a_real_vocabulary_size():
    for spread in (0.0, 0.5, 3.0, 12.0):
        logits = make(151_936, spread, 1)
        chances = reference(logits)
        chances = chances[chances > 0]
        assert Reader(151_936).entropy(logits) == pytest.approx(-float((chances * np.log(chances)).sum()), abs=1e-5)


def test_impossible_tokens():
    logits = np.array([0.0, -np.inf, 0.0, -np.inf], np.float32)
    assert Reader(4).entropy(logits) == pytest.approx(np.log(2), abs=1e-6)
    assert Reader(4).probabilities(logits, [0, 1, 2]) == pytest.approx([0.5, 0.0, 0.5])
    drawn = Sampler(Sampling(temperature=1.0, top_k=0, top_p=1.0))
    assert {drawn.draw(logits) for _ in range(50)} == {0, 2}


@given(sizes, spreads, seeds)
def test_probabilities(size, spread, seed):
    logits = make(size, spread, seed)
    chosen = [0, size // 2, size - 1]
    assert Reader(size).probabilities(logits, chosen) == pytest.approx(reference(logits)[chosen], rel=1e-4, abs=1e-9)


@given(
    sizes, spreads, seeds,
    st.floats(0.05, 3.0), st.integers(0, 50), st.floats(0.05, 1.0), st.floats(0.0, 0.5),
)  # fmt: skip
def test_candidates_are_those_of_the_plain_definition(size, spread, seed, temperature, top_k, top_p, min_p):
    logits = make(size, spread, seed)
    sampling = Sampling(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
    tokens, chances = candidates(logits, sampling)
    assert chances.sum() == pytest.approx(1.0)
    full = reference(logits, temperature)
    order = np.argsort(-full, kind="stable")[: top_k or size]
    inside = full[order] / full[order].sum()
    before = np.cumsum(inside) - inside
    kept = (before < top_p - 1e-6) & (inside >= min_p * inside[0] + 1e-9) | (np.arange(len(order)) == 0)
    loose = (before < top_p + 1e-6) & (inside >= min_p * inside[0] - 1e-9) | (np.arange(len(order)) == 0)
    assert kept.sum() <= len(tokens) <= loose.sum()
    assert full[tokens] == pytest.approx(full[order[: len(tokens)]], rel=1e-5, abs=1e-12)
    assert chances == pytest.approx(full[tokens] / full[tokens].sum(), rel=1e-4, abs=1e-9)


def test_draws_follow_the_probabilities():
    logits = np.log(np.array([0.5, 0.3, 0.15, 0.05], np.float32))
    sampler = Sampler(Sampling(temperature=1.0, top_k=0, top_p=1.0, seed=3))
    counts = np.bincount([sampler.draw(logits) for _ in range(20_000)], minlength=4)
    assert counts / 20_000 == pytest.approx([0.5, 0.3, 0.15, 0.05], abs=0.015)


def test_greedy_and_seeds():
    logits = make(500, 2.0, 0)
    assert Sampler(Sampling(temperature=0.0)).draw(logits) == int(logits.argmax())
    hot = Sampling(temperature=1.5, top_k=0, top_p=1.0, seed=-5)
    one, two = Sampler(hot), Sampler(hot)
    assert [one.draw(logits) for _ in range(20)] == [two.draw(logits) for _ in range(20)]
