"""No untrusted text yields a control token, by llama.cpp's own tokeniser."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sale_tui.errors import ModelFault
from sale_tui.inference.llama import library
from sale_tui.inference.llama.chat import Past, Trusted, Untrusted
from sale_tui.inference.llama.library import Model, Options
from sale_tui.inference.llama.tokens import SafeTokeniser, split_specials
from sale_tui.inference.shapes import CONTROL, USER_DEFINED

SPECIAL = (*CONTROL, *USER_DEFINED)
pieces = st.sampled_from([*SPECIAL, "<", ">", "<|", "|>", "think>", "</", "im_end", "\n", " ", "é", "step"])
hostile = st.lists(st.one_of(pieces, st.text(max_size=5)), max_size=12).map("".join)


@pytest.fixture(scope="module")
def vocabulary(tiny):
    library.quiet()
    options = Options(context=256, slots=1, batch=64, threads=1, gpu_layers=0, extra_buffers=True)
    return Model(str(tiny), options).vocabulary


def test_the_vocabulary_knows_its_specials(vocabulary):
    assert set(vocabulary.special) == set(SPECIAL)
    assert vocabulary.special["<|im_end|>"] in vocabulary.ends
    assert vocabulary.special["<think>"] not in vocabulary.ends


def test_without_the_splitting_hostile_texts_would_pass(vocabulary):
    """The library itself makes control tokens of user-defined strings; this is what the splitting is for."""
    assert vocabulary.special["<tool_call>"] in vocabulary.tokenise("a <tool_call>", special=False)


@given(hostile)
def test_no_untrusted_text_yields_a_special_token(vocabulary, text):
    tokeniser = SafeTokeniser(vocabulary)
    ids = tokeniser.encode([Trusted("<|im_start|>user\n"), Untrusted(text), Trusted("<|im_end|>")])
    assert sum(token in vocabulary.special.values() for token in ids) == 2
    inner = b"".join(vocabulary.piece(token) for token in tokeniser.literal(text))
    assert inner.decode("utf-8") == text.encode("utf-8", "replace").decode("utf-8")


@given(hostile, st.lists(st.text(min_size=2, max_size=3), max_size=4))
def test_splitting_keeps_the_text_and_breaks_every_special(text, more):
    specials = [*SPECIAL, *more]
    parts = split_specials(text, specials)
    assert "".join(parts) == text
    assert not any(special in part for part in parts for special in specials)
    assert all(parts)


def test_plain_text_is_not_split(vocabulary):
    assert split_specials("1 < 2 and <b>", SPECIAL) == ["1 < 2 and <b>"]
    assert split_specials("", SPECIAL) == []


def test_past_turns_must_be_tokens_of_this_model(vocabulary):
    tokeniser = SafeTokeniser(vocabulary)
    assert tokeniser.encode([Past((1, 2))]) == [1, 2]
    for wrong in (-1, vocabulary.size):
        with pytest.raises(ModelFault):
            tokeniser.encode([Past((1, wrong))])


class Merging:
    """A vocabulary whose merges build a special token from plain text."""

    size = 300

    def __init__(self):
        self.special = {"<x>": 299}

    def tokenise(self, text, *, special):
        return [299] if text == "yz" else list(text.encode())


def test_a_special_token_out_of_merges_is_taken_apart():
    tokeniser = SafeTokeniser(Merging())
    assert tokeniser.literal("yz") == [ord("y"), ord("z")]
    assert np.all(np.asarray(tokeniser.literal("<x>yz")) < 299)
