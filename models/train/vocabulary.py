"""How the vocabulary is made: a word is cut into the same pieces wherever it stands.

Plain byte-level BPE cuts a word after a space otherwise than after a quote or a bracket. A small model copies pieces
surely and respells words badly, so pieces are learned from words alone. What may carry the sign before it (`` the``,
``(x``) are the frequent words of prompts, plans and code, by merges of whole words that come after all others; the
words that are values never do.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

SIZE = 1536
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""As llama.cpp splits by the pre-tokeniser that the files name."""
APART = r"\p{L}+|\p{N}{1,3}|-| ?[^\s\p{L}\p{N}-]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
"""For learning pieces: letters alone, and a minus that is part of nothing else."""
SPACE = "Ġ"
"""A space, as byte-level pieces write it."""
WHOLE = 300
"""Merges of a sign and a whole word."""


def splitter(pattern: str) -> pre_tokenizers.PreTokenizer:
    """Splits by a pattern, then to bytes."""
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def train_vocabulary(texts: list[str], values: Iterable[str], specials: int, path: Path) -> None:
    """Writes a vocabulary of ``SIZE`` pieces less the specials; ``values`` never merge with the sign before them."""
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = splitter(APART)
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE - specials - WHOLE,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    learner.train_from_iterator(texts, trainer)
    learner.pre_tokenizer = splitter(SPLIT)
    learner.decoder = decoders.ByteLevel()
    state = json.loads(learner.to_str())
    vocabulary, merges = state["model"]["vocab"], state["model"]["merges"]
    kept = beginnings(learner, values)
    for sign, word in frequent_pairs(learner, texts):
        if len(vocabulary) == SIZE - specials:
            break
        if word not in kept and sign + word not in vocabulary:
            vocabulary[sign + word] = len(vocabulary)
            merges.append([sign, word])
    path.write_text(json.dumps(state, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def frequent_pairs(learner: Tokenizer, texts: list[str]) -> list[tuple[str, str]]:
    """Signs and the words of one piece behind them, the most frequent first.

    Not words of one letter but ``x``, which would also merge where a longer word begins with that piece.
    """
    found: Counter[str] = Counter()
    for text in texts:
        found.update(part for part, _ in learner.pre_tokenizer.pre_tokenize_str(text))
    pairs: Counter[tuple[str, str]] = Counter()
    for part, count in found.items():
        sign, word = part[0], part[1:]
        short = len(word) == 1 and word != "x"
        if (
            (sign == SPACE or not sign.isalnum())
            and word.isalpha()
            and not short
            and len(learner.encode(word).ids) == 1
        ):
            pairs[sign, word] += count
    return [pair for pair, _ in pairs.most_common()]


def beginnings(learner: Tokenizer, values: Iterable[str]) -> set[str]:
    """First pieces of values: a sign that merged with one would change how the value is cut."""
    return {learner.encode(value).tokens[0] for value in values}


def carry_over(rows: np.ndarray, tokens: list[str], merges: list[str], target: Tokenizer) -> np.ndarray:
    """Embeddings (pieces, width) for another vocabulary: a piece begins as the same piece of the old one, as the same
    word behind a space, or as the mean of the pieces that the old one cuts it into.
    """
    place = {token: number for number, token in enumerate(tokens)}
    pairs = [(first, second) for first, _, second in (merge.partition(" ") for merge in merges)]
    old = Tokenizer(models.BPE(vocab=place, merges=pairs))
    old.pre_tokenizer = splitter(SPLIT)
    carried = np.empty((target.get_vocab_size(), rows.shape[1]), np.float32)
    for token, number in target.get_vocab().items():
        if token in place or f"{SPACE}{token}" in place:
            carried[number] = rows[place.get(token, place.get(f"{SPACE}{token}", 0))]
        else:
            carried[number] = rows[old.encode(str(target.decode([number], skip_special_tokens=False))).ids].mean(0)
    return carried
