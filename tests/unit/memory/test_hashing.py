from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from sale_tui.memory.hashing import DIMENSIONS, HashingEmbedder, hash_text


@given(st.text())
def test_vectors_have_length_one_or_zero(text):
    vector = hash_text(text)
    assert len(vector) == DIMENSIONS
    assert math.isclose(math.hypot(*vector), 1.0, rel_tol=1e-9) or not any(vector)


async def test_it_knows_spelling():
    texts = ["Sort the numbers", "sort these NUMBERS", "Who rules the river town?"]
    one, near, far = await HashingEmbedder().embed(texts)
    assert dot(one, near) > dot(one, far) + 0.3


def dot(one: list[float], other: list[float]) -> float:
    return math.fsum(a * b for a, b in zip(one, other, strict=True))


def test_it_is_the_same_on_every_machine():
    vector = hash_text("a")
    assert [(at, round(value, 6)) for at, value in enumerate(vector) if value] == EXPECTED


EXPECTED = [(64, 0.957826), (126, 0.287348)]
