"""Untrusted text reaches a terminal only as text."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sale_tui.literal import literal, literal_line

HOSTILE = st.text(
    alphabet=st.one_of(
        st.characters(),
        st.sampled_from("\x1b\x9b\x9d\x90\x9c\x07\\[]P^_X0;1m\r\n\t\u202e\u2066\U000e0041\ud800"),
    ),
    max_size=60,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("a\x1b]0;title\x07b", "ab"),
        ("a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\b", "alinkb"),
        ("a\x1b]52;c;aGk=", "a"),
        ("a\x1b]0;open\nnext line", "a\nnext line"),
        ("\x1bP1;2q#0\x1b\\x", "x"),
        ("\x1b_apc\x1b\\\x1b^pm\x1b\\\x1bXsos\x1b\\y", "y"),
        ("\x9b31mred\x9d0;t\x9cz", "redz"),
        ("\x1b[", ""),
        ("\x1b", ""),
        ("\x1bcreset \x1b(Bset", "reset set"),
        ("\x1b[3\x1b[31mx", "x"),
        ("a\x00b\x08c\x7fd", "abcd"),
        ("over\rwritten", "over\nwritten"),
        ("dos\r\nline\ttab", "dos\nline\ttab"),
        ("abc\u202etxt.exe\u2066\u2069\u061c", "abctxt.exe"),
        ("tag\U000e0041\U000e007f", "tag"),
        ("half \ud83d here", "half \ufffd here"),
        ("[bold]x[/] =14629,state 漢字 👩\u200d🚀", "[bold]x[/] =14629,state 漢字 👩\u200d🚀"),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert literal(text) == shown


@given(HOSTILE)
def test_nothing_of_control_is_left(text: str) -> None:
    shown = literal(text)
    shown.encode("utf-8")
    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cs"} and c not in "\n\t"]
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
    assert literal(shown) == shown


@given(st.text(alphabet=st.characters(categories=("L", "N", "P", "S", "Zs")), max_size=60))
def test_plain_text_is_kept(text: str) -> None:
    assert literal(text) == text


@given(HOSTILE, st.integers(min_value=1, max_value=30))
def test_a_line_is_one_line(text: str, width: int) -> None:
    line = literal_line(text, width)
    assert len(line) <= width
    assert not set(line) & set("\n\t")
