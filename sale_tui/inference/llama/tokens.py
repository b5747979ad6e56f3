"""From a rendered conversation to token ids, such that untrusted text never yields a control token."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Protocol

from sale_tui.errors import ModelFault
from sale_tui.inference.llama.chat import Past, Segment, Trusted, Untrusted


class Tokeniser(Protocol):
    """What is needed of a vocabulary."""

    @property
    def size(self) -> int:
        """How many tokens there are."""
        ...

    @property
    def special(self) -> dict[str, int]:
        """Texts that are one token wherever they stand, to their ids."""
        ...

    def tokenise(self, text: str, *, special: bool) -> list[int]:
        """Token ids of a text."""
        ...


def split_specials(text: str, specials: Iterable[str]) -> list[str]:
    """Cut ``text`` so that no piece holds any of ``specials`` (two characters or more each)."""
    found = "|".join(map(re.escape, sorted(specials, key=len, reverse=True)))
    if not found:
        return [text] if text else []
    cuts = [match.start() + 1 for match in re.finditer(f"(?={found})", text)]
    pieces, begin = [], 0
    for cut in (*cuts, len(text)):
        if cut > begin:
            pieces.append(text[begin:cut])
        begin = cut
    return pieces


class SafeTokeniser:
    """Tokenises trusted and untrusted text."""

    def __init__(self, vocabulary: Tokeniser) -> None:
        self._vocabulary = vocabulary
        self._forbidden = frozenset(vocabulary.special.values())
        self._cache: dict[str, list[int]] = {}

    def encode(self, segments: Sequence[Segment]) -> list[int]:
        """The ids of a whole conversation. Raises ModelFault for tokens that the model does not have."""
        ids: list[int] = []
        for segment in segments:
            match segment:
                case Trusted(text):
                    ids += self._trusted(text)
                case Untrusted(text):
                    ids += self.literal(text)
                case Past(tokens):
                    if any(not 0 <= token < self._vocabulary.size for token in tokens):
                        raise ModelFault("a past turn holds tokens that this model does not have", "")
                    ids += tokens
        return ids

    def literal(self, text: str) -> list[int]:
        """Ids of an untrusted text, none of them special."""
        ids: list[int] = []
        for piece in split_specials(text, self._vocabulary.special):
            ids += self._plain(piece)
        return ids

    def _trusted(self, text: str) -> list[int]:
        found = self._cache.get(text)
        if found is None:
            found = self._cache[text] = self._vocabulary.tokenise(text, special=True)
            if len(self._cache) > 256:
                self._cache.pop(next(iter(self._cache)))
        return found

    def _plain(self, piece: str) -> list[int]:
        """Should the merges themselves build a special token, the piece goes in by single characters."""
        ids = self._vocabulary.tokenise(piece, special=False)
        if self._forbidden.isdisjoint(ids):
            return ids
        single = [token for character in piece for token in self._vocabulary.tokenise(character, special=False)]
        return [token for token in single if token not in self._forbidden]
