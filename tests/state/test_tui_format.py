"""Numbers, money and durations as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sale_tui.tui import format as tell
from sale_tui.types import Bill, Explanation, Flip, Source


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(-0.5, 2, "−0.50"), (-0.001, 2, "0.00"), (None, 2, "·"), (1.005, 3, "1.005"), (0.0, 1, "0.0")],
)
def test_numbers(value, digits, text):
    assert tell.number(value, digits) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "$0"),
        (1.5, "$1.50"),
        (0.0000123, "$0.0000123"),
        (0.05, "$0.0500"),
        (12.345, "$12.35"),
        (1e-15, "$0.000000000000"),
    ],
)
def test_dollars_are_never_in_powers_of_ten(value, text):
    assert tell.dollars(value) == text


def test_estimates_bear_their_sign():
    assert tell.dollars(0.25, True) == "≈ $0.250"
    assert tell.price(0.125, True) == "≈$0.125"
    assert tell.price(0.05) == "$0.05"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.421, "0.42 s"), (12.34, "12.3 s"), (125, "2 min 05 s"), (0.9999, "1.0 s")]
)
def test_durations(seconds, text):
    assert tell.duration(seconds) == text


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["micro-xs", "micro-s"], ["xs", "s"]),
        (["a", "b"], ["a", "b"]),
        (["one"], ["one"]),
        (["qwen3-4b", "qwen3"], ["qwen3-4b", "qwen3"]),
        (["x-y-1", "x-y-2"], ["1", "2"]),
    ],
)
def test_short_names(names, short):
    assert list(tell.short_names(names).values()) == short


@given(st.lists(st.text(alphabet="ab-", min_size=1), min_size=2, unique=True))
def test_short_names_stay_apart(names):
    assert len(set(tell.short_names(names).values())) == len(names)


def test_why_in_one_sentence():
    flip = Flip(term="jury:elm", weight=0.2, delta=-0.05)
    told = tell.why(
        Explanation(runner_up="oak", runner_up_round="refined", margin=0.1234, deciding_term="cost", flip=flip)
    )
    assert told == "0.123 ahead of oak (refined) · decided by cost · jury weight of elm 0.200 → 0.150 would change it"
    alone = Explanation(runner_up=None, runner_up_round=None, margin=None, deciding_term=None, flip=None)
    assert tell.why(alone) == "no other bid could have won"


def test_the_bill_says_what_was_saved_or_lost():
    def bill(auction: float, run: float, largest: float) -> Bill:
        return Bill(
            auction_dollars=auction, run_dollars=run, always_largest_dollars=largest, auction_tokens=1, run_tokens=2
        )

    assert tell.saving(bill(0.1, 0.2, 0.6)) == "so ≈ 50% saved"
    assert tell.saving(bill(0.05, 0.049, 0.1)) == "so about the same"
    assert "≈ 2.0 times as dear" in tell.saving(bill(0.1, 0.1, 0.1))
    assert tell.bill_line(bill(0.1, 0.2, 0.6)) == "$0.300 = auction $0.100 (1 token) + run $0.200 (2 tokens)"
    assert tell.largest_line(bill(0.1, 0.2, 0.6)).startswith("≈ $0.600")


@given(st.text(), st.integers(10, 50))
def test_an_excerpt_has_beginning_and_end(text, characters):
    long = text + "x" * 200 + "end"
    shown = tell.excerpt(long, characters)
    assert shown.endswith("end"[-min(3, characters // 3) :])
    assert "characters …" in shown


def test_a_source_is_named_by_title_and_place():
    page = Source(document="https://docs.python.org/3/", title="Python \x1b[31mdocs\n")
    assert tell.source_line(page) == "Python docs · https://docs.python.org/3/"
    assert tell.source_line(Source(document="a.md", title="")) == "a.md"
    assert tell.source_line(Source(document="a.md", title="a.md")) == "a.md"
