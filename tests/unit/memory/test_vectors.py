from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sale_tui.memory.store import AuctionStore
from sale_tui.memory.vectors import VectorIndex

numbers = st.floats(-1, 1, width=32).filter(lambda value: abs(value) > 1e-3)
spaces = itertools.count()
vectors = st.lists(numbers, min_size=4, max_size=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made: Path = tmp_path_factory.mktemp("vectors")
    return made


@pytest.fixture
def index(tmp_path):
    AuctionStore(tmp_path / "memory.db").close()
    opened = VectorIndex(tmp_path / "memory.db", "test")
    yield opened
    opened.close()


def cosine(one: list[float], other: list[float]) -> float:
    return math.fsum(a * b for a, b in zip(one, other, strict=True)) / (math.hypot(*one) * math.hypot(*other))


@settings(max_examples=60, deadline=None)
@given(
    stored=st.lists(vectors, max_size=30), query=vectors, k=st.integers(1, 12), cut=st.integers(0, 30), data=st.data()
)
def test_the_nearest_are_those_of_brute_force(folder, stored, query, k, cut, data):
    path = folder / "memory.db"
    AuctionStore(path).close()
    index = VectorIndex(path, f"space-{next(spaces)}")
    for n, vector in enumerate(stored):
        if n == cut:
            index.nearest(query, k)  # a search in between: what comes later is appended
        index.add(f"{n:03}", f"text {n}", vector)
    among = None if data.draw(st.booleans()) else data.draw(st.sets(st.sampled_from([f"{n:03}" for n in range(31)])))
    found = index.nearest(query, k, among)
    index.close()
    exact = {f"{n:03}": cosine(vector, query) for n, vector in enumerate(stored) if among is None or f"{n:03}" in among}
    assert len(found) == min(k, len(exact))
    assert [value for _, value in found] == sorted((value for _, value in found), reverse=True)
    assert all(abs(value - exact[name]) < 3e-6 for name, value in found)
    worst = min((value for _, value in found), default=-1.0)
    assert all(value <= worst + 3e-6 for name, value in exact.items() if name not in dict(found))


def test_equally_near_ones_come_newest_first(index):
    for n in (3, 1, 2, 0):
        index.add(f"{n}", "same", [1.0, 2.0, 3.0])
    assert [name for name, _ in index.nearest([1.0, 2.0, 3.0], 3)] == ["3", "2", "1"]


def test_rows_of_another_process_are_seen_and_rows_that_went_are_gone(index, tmp_path):
    other = VectorIndex(tmp_path / "memory.db", "test")
    index.add("a", "one", [1.0, 0.0])
    assert other.nearest([1.0, 0.0], 5) == [("a", 1.0)]
    index.add("b", "two", [0.0, 1.0])
    assert [name for name, _ in other.nearest([1.0, 0.0], 5)] == ["a", "b"]
    store = AuctionStore(tmp_path / "memory.db")
    store._db.execute("DELETE FROM vectors WHERE auction = 'b'")
    store.close()
    index.add("c", "three", [0.0, 2.0])
    assert sorted(other.nearest([0.0, 1.0], 5)) == [("a", 0.0), ("c", 1.0)]
    other.close()


def test_a_replaced_vector_counts_once(index):
    index.add("a", "one", [1.0, 0.0])
    index.nearest([1.0, 0.0], 5)
    index.add("a", "one, reworded", [0.0, 1.0])
    assert index.nearest([0.0, 1.0], 5) == [("a", 1.0)]
    assert index.count() == 1


def test_vectors_of_other_embedders_are_never_compared(index, tmp_path):
    other = VectorIndex(tmp_path / "memory.db", "another")
    other.add("a", "text", [1.0, 0.0])
    assert index.nearest([1.0, 0.0], 5) == []
    assert index.known("text") is None
    assert other.known("text") == [1.0, 0.0]
    other.close()


def test_they_are_stored_as_little_endian_float32_with_their_name(index):
    index.add("a", "text", [1.0, -2.0])
    row = index._db.execute("SELECT embedder, dim, vector, length(hash) FROM vectors").fetchone()
    assert row == ("test", 2, b"\x00\x00\x80\x3f\x00\x00\x00\xc0", 64)


def test_a_vector_without_length_is_near_to_nothing(index):
    index.add("a", "", [0.0, 0.0])
    assert index.nearest([1.0, 0.0], 5) == [("a", 0.0)]
    assert index.nearest([0.0, 0.0], 5) == [("a", 0.0)]
    assert index.nearest([1.0, 0.0, 0.0], 5) == []


def test_thousands_are_searched_in_milliseconds(index, tmp_path):
    generator = np.random.default_rng(0)
    rows = generator.standard_normal((5000, 384)).astype("<f4")
    index._db.conn.execute("BEGIN")
    index._db.conn.executemany(
        "INSERT INTO vectors (auction, embedder, dim, hash, vector) VALUES (?, 'test', 384, ?, ?)",
        [(f"{n:05}", str(n), row.tobytes()) for n, row in enumerate(rows)],
    )
    index._db.conn.execute("COMMIT")
    query = generator.standard_normal(384)
    exact = rows @ query.astype(np.float32) / (np.linalg.norm(rows, axis=1) * np.linalg.norm(query))
    expected = [f"{n:05}" for n in np.argsort(-exact)[:8]]
    assert [name for name, _ in index.nearest(query.tolist(), 8)] == expected
