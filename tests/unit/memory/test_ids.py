from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from sale_tui.ids import ID_LENGTH, new_auction_id


@dataclass
class Hands:
    moment: float

    def now(self) -> float:
        return self.moment

    def monotonic(self) -> float:
        return self.moment


@given(st.lists(st.integers(0, 2**44), min_size=2, max_size=20))
def test_ids_sort_by_time_and_within_a_millisecond_by_order(moments):
    ids = [new_auction_id(Hands(moment / 1000 + 0.0001)) for moment in sorted(moments)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    assert {len(name) for name in ids} == {ID_LENGTH}


def test_a_clock_that_stands_still_gives_different_ids():
    assert len({new_auction_id(Hands(1.0)) for _ in range(5000)}) == 5000


def test_ids_of_other_processes_differ_in_their_random_tail():
    tails = {new_auction_id(Hands(moment))[9:] for moment in range(1000)}
    assert len(tails) > 990
