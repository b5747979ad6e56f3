# ruff: noqa: E501 - a table of synonyms, one set a line
"""A small phrase grammar, and the function that decides what belongs to the test split.

``[a|b|]`` picks one alternative (they nest), ``<name>`` stands for a shared set of synonyms. Slots in braces are
left alone. A phrasing is what remains when every choice is made; each one belongs to exactly one split by its hash,
so that the wording of a test task never occurs in training.
"""

from __future__ import annotations

import random
import re
import zlib
from typing import Literal

Split = Literal["train", "test"]

SYNONYMS = {
    "nums": "[numbers|numbers|values|elements|items|ones|entries]",
    "num": "[number|value|element|item|one|entry]",
    "keep": "[keep|keep|retain|leave|select|pick|pick out|take|choose|hold on to|filter for|filter it to|grab|find|preserve]",
    "only": "[only |only |just |]",
    "drop": "[remove|remove|drop|delete|discard|throw out|throw away|get rid of|leave out|filter out|take out|cut|cut out"
    "|eliminate|strip out|exclude|ditch|toss|erase|weed out]",
    "all": "[the |all |all the |any |every |]",
    "alls": "[the |all |all the |any |]",
    "each": "[each|every|each]",
    "of": "[of|of|in|from|among]",
    "give": "[give|give me|find|get|report|return|tell me|show|print|compute|calculate|work out|determine|say|output]",
    "whatis": "[what is|what is|what's|whats|give me|find|tell me|get|compute|calculate|i need|i want|show me|work out]",
    "more": "[greater than|more than|bigger than|larger than|above|over|higher than|exceeding]",
    "less": "[less than|smaller than|below|under|lower than|fewer than]",
    "moreend": "[that are |which are |]<more>",
    "lessend": "[that are |which are |]<less>",
    "order": "[order|arrange|sort|rank|put|line up|organise|organize]",
    "word": "[word|entry|item|name|string]",
    "words": "[words|words|words|entries|items|names|strings|terms]",
    "letters": "[letters|letters|letters|characters|chars]",
    "letter": "[letter|letter|letter|character]",
    "make": "[make|turn|change|convert|transform|put]",
    "swap": "[replace|swap|substitute|change|exchange]",
    "big": "[largest|largest|biggest|highest|greatest|maximum|max]",
    "small": "[smallest|smallest|lowest|least|minimum|min]",
}
_NAME = re.compile(r"<([a-z]+)>")
_CHOICE = re.compile(r"\[([^\[\]]*)\]")


def bucket(key: str, buckets: int = 100) -> int:
    """A stable number in 0..buckets-1 for a text."""
    return zlib.crc32(key.encode()) % buckets


def belongs(key: str, split: Split, share: int = 15) -> bool:
    """Whether a text is of this split; ``share`` percent of all texts are held out for the test."""
    return (bucket(key) < share) == (split == "test")


def expand(pattern: str, rng: random.Random) -> str:
    """One wording of a pattern."""
    text = _NAME.sub(lambda found: SYNONYMS[found[1]], pattern)
    while "<" in text and _NAME.search(text):
        text = _NAME.sub(lambda found: SYNONYMS[found[1]], text)
    while "[" in text:
        before = text
        text = _CHOICE.sub(lambda found: rng.choice(found[1].split("|")), text)
        if before == text:
            break
    return re.sub(r"  +", " ", text).strip()


def phrase(patterns: tuple[str, ...], rng: random.Random, split: Split, key: str) -> str:
    """A wording of one of the patterns that belongs to the split; ``key`` names what is worded.

    Where an operation has so few wordings that none is of the split, the last one drawn is used for training
    and, for a test, too: its frame and its data are then what is new.
    """
    text = ""
    for _ in range(40):
        text = expand(rng.choice(patterns), rng)
        if belongs(f"{key}:{text}", split):
            return text
    return text


def split_patterns(table: str) -> tuple[str, ...]:
    """Patterns from a text with one a line or separated by ``;``."""
    return tuple(piece.strip() for piece in re.split(r"[;\n]", table) if piece.strip())
