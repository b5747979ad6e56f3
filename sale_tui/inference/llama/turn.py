"""One assistant turn as it is written: channels, UTF-8 across tokens, entropy, pieces for the stream."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import Literal, Protocol

from sale_tui.ports import Completion
from sale_tui.types import Usage

Channel = Literal["text", "thinking"]

PIECE_SECONDS = 0.05
"""Pieces of one turn are at least so far apart: 20 a second."""


class Pieces(Protocol):
    """What is needed of a vocabulary."""

    @property
    def special(self) -> dict[str, int]:
        """Texts of special tokens to their ids."""
        ...

    def piece(self, token: int) -> bytes:
        """The bytes of a token."""
        ...


@dataclass(slots=True)
class Chunk:
    """Unsent output of one channel."""

    channel: Channel
    text: str = ""
    tokens: int = 0
    entropy: float = 0.0


class Turn:
    """Collects tokens into text, thinking and pieces."""

    def __init__(self, vocabulary: Pieces, *, thinking: bool = False) -> None:
        """``thinking``: the prompt has already opened a think block."""
        self._vocabulary = vocabulary
        self._open = vocabulary.special.get("<think>", -1)
        self._shut = vocabulary.special.get("</think>", -1)
        self.channel: Channel = "thinking" if thinking else "text"
        self._decoder = _decoder()
        self._written: dict[Channel, list[str]] = {"text": [], "thinking": []}
        self._counts: dict[Channel, int] = {"text": 0, "thinking": 0}
        self._entropy = 0.0
        self._trimming = False
        """Whether the line breaks after a think block are still being left out."""
        self.tokens: list[int] = []
        self._chunks: list[Chunk] = []

    def add(self, token: int, entropy: float) -> None:
        """Take the next token (never an end token) with the entropy of the distribution that it was drawn from."""
        self.tokens.append(token)
        if token in (self._open, self._shut):
            self._switch("thinking" if token == self._open else "text")
            return
        text = self._decoder.decode(self._vocabulary.piece(token))
        if self._trimming:
            text = text.lstrip("\n")
            if not text and not self._decoder.getstate()[0]:
                self._counts["thinking"] += 1
                return
            self._trimming = False
        self._counts[self.channel] += 1
        if self.channel == "text":
            self._entropy += entropy
        self._put(text, 1, entropy)

    def _switch(self, channel: Channel) -> None:
        self._put(self._decoder.decode(b"", final=True), 0, 0.0)
        self._decoder = _decoder()
        self._counts["thinking"] += 1
        self._trimming = True
        self.channel = channel

    def _put(self, text: str, tokens: int, entropy: float) -> None:
        if not text and not tokens:
            return
        self._written[self.channel].append(text)
        if not self._chunks or self._chunks[-1].channel != self.channel:
            self._chunks.append(Chunk(self.channel))
        chunk = self._chunks[-1]
        chunk.text += text
        chunk.tokens += tokens
        chunk.entropy += entropy

    def take(self) -> list[Chunk]:
        """What has been written since the last call."""
        chunks, self._chunks = self._chunks, []
        return chunks

    def finish(self) -> None:
        """Flush half a character that will not be completed."""
        self._put(self._decoder.decode(b"", final=True), 0, 0.0)

    def completion(self, stop: Literal["end", "length"], usage: Usage) -> Completion:
        """The whole turn; ``usage`` without its output."""
        count = self._counts["text"]
        return Completion(
            text="".join(self._written["text"]),
            thinking="".join(self._written["thinking"]).strip("\n"),
            text_tokens=count,
            entropy=self._entropy / count if count else None,
            token_ids=tuple(self.tokens),
            stop=stop,
            usage=usage + Usage(output_tokens=len(self.tokens), thinking_tokens=self._counts["thinking"]),
        )


def _decoder() -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder("utf-8")(errors="replace")
