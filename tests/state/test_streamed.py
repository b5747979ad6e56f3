"""Text that grows: a value, and as cheap to extend when it is long as when it is short."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from sale_tui.tui.state_text import Streamed


@given(st.lists(st.text(max_size=8)), st.integers(0, 60))
def test_it_is_what_was_added(pieces, characters):
    text = Streamed()
    for piece in pieces:
        text = text.add(piece)
    whole = "".join(pieces)
    assert str(text) == whole
    assert text.length == len(whole)
    assert text.tail(characters) == whole[max(len(whole) - characters, 0) :]
    assert bool(text) == bool(whole)
    assert text == Streamed.of(whole)


@given(st.text(), st.text(), st.text())
def test_an_older_view_never_changes(begin, one, other):
    base = Streamed.of(begin)
    first, second = base.add(one), base.add(other)
    assert (str(base), str(first), str(second)) == (begin, begin + one, begin + other)


def seconds_of_adding(text: Streamed, times: int = 2000) -> float:
    begun = time.perf_counter()
    for _ in range(times):
        text = text.add("word ")
    return time.perf_counter() - begun


def test_a_piece_costs_the_same_at_any_length():
    text = Streamed()
    for _ in range(200_000):
        text = text.add("word ")
    short = min(seconds_of_adding(Streamed()) for _ in range(5))
    long = min(seconds_of_adding(text.add("")) for _ in range(5))
    assert long < 5 * short + 0.005
