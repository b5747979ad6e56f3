"""Numbers drawn as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sale_tui.tui.plots import bar, cloud, spark

SHARES = st.floats(-2, 3, allow_nan=False)


def test_a_line_of_bars():
    assert spark([0, 0.01, 0.5, 1, 7]) == " ▁▄██"
    assert spark([1, 2], top=4) == "▂▄"
    assert spark([1.0], top=0) == "▁"


@pytest.mark.parametrize(("share", "drawn"), [(0, "    "), (1, "████"), (0.5, "██  "), (0.28125, "█▏  "), (9, "████")])
def test_a_bar(share, drawn):
    assert bar(share, 4) == drawn


@given(SHARES, st.integers(0, 40))
def test_a_bar_is_as_wide_as_it_is_told(share, cells):
    assert len(bar(share, cells)) == cells


def test_a_cloud_of_points():
    assert cloud([(0, 0, "1"), (2, 1, "2"), (1, 0.5, "3")], 5, 3) == ["    2", "  3  ", "1    "]
    assert cloud([(1, 1, "1"), (1, 1, "2")], 2, 1) == [" +"]
    assert cloud([], 3, 2) == ["   ", "   "]


@given(st.lists(st.tuples(st.floats(0, 1e9), SHARES, st.just("o")), max_size=9), st.integers(1, 30), st.integers(1, 9))
def test_a_cloud_stays_in_its_frame(points, width, height):
    lines = cloud(points, width, height)
    assert [len(line) for line in lines] == [width] * height
    assert any(line.strip() for line in lines) == bool(points)
