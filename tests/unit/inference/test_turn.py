"""Channels, half characters and counts of a turn."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sale_tui.inference.llama.turn import Turn
from sale_tui.types import Usage

OPEN, SHUT, CALL = 256, 257, 258


class Bytes:
    """Every byte is a token; three special ones."""

    def __init__(self, names=("<think>", "</think>")):
        self.special = {name: 256 + index for index, name in enumerate(names)}

    def piece(self, token):
        return bytes([token]) if token < 256 else b"<tool_call>"


def write(tokens, *, thinking=False, vocabulary=None, every=0):
    turn = Turn(vocabulary or Bytes(), thinking=thinking)
    taken = []
    for index, token in enumerate(tokens):
        turn.add(token, 0.5)
        if every and index % every == 0:
            taken += turn.take()
    turn.finish()
    taken += turn.take()
    return turn.completion("end", Usage(prompt_tokens=3)), taken


@given(st.text(), st.integers(1, 5))
def test_text_arrives_whole_however_it_is_cut(text, every):
    raw = text.encode("utf-8")
    completion, chunks = write(raw, every=every)
    assert completion.text == text == "".join(chunk.text for chunk in chunks)
    assert completion.text_tokens == len(raw) == sum(chunk.tokens for chunk in chunks)
    assert completion.usage.output_tokens == len(raw)
    assert completion.usage.prompt_tokens == 3
    assert completion.entropy == (pytest.approx(0.5) if raw else None)


def test_broken_utf8_is_replaced():
    completion, chunks = write([0xC3, 0x41, 0xE2, 0x82])
    assert completion.text == "\ufffdA\ufffd" == "".join(chunk.text for chunk in chunks)


def test_thinking_is_kept_apart_and_does_not_count_as_text():
    completion, chunks = write([OPEN, *b"\nhm\n", SHUT, *b"\n\nyes"])
    assert (completion.text, completion.thinking) == ("yes", "hm")
    assert completion.text_tokens == 3
    assert completion.usage.output_tokens == 11
    assert completion.usage.thinking_tokens == 8
    assert [chunk.channel for chunk in chunks] == ["thinking", "text"]
    assert completion.token_ids == (OPEN, *b"\nhm\n", SHUT, *b"\n\nyes")


def test_a_block_that_the_template_opened():
    completion, _ = write([*b"hm", SHUT, *b"yes"], thinking=True)
    assert (completion.text, completion.thinking) == ("yes", "hm")


def test_a_block_that_is_never_shut_leaves_no_text():
    completion, _ = write([OPEN, *b"hm"])
    assert (completion.text, completion.thinking, completion.entropy) == ("", "hm", None)


def test_a_stray_end_of_thought_is_no_text():
    completion, _ = write([*b"a", SHUT, *b"b"])
    assert completion.text == "ab"


def test_half_a_character_before_a_block_ends_is_not_joined_with_what_follows():
    completion, _ = write([OPEN, 0xC3, SHUT, 0xA9, 0x62])
    assert completion.thinking == "\ufffd"
    assert completion.text == "\ufffdb"


def test_models_without_thinking_tokens():
    completion, _ = write([*b"<think>x", CALL], vocabulary=Bytes(()))
    assert completion.text == "<think>x<tool_call>"
    assert completion.text_tokens == 9
