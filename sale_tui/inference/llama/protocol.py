"""What parent and worker say to each other: tagged msgpack values, each after its length in four bytes."""

from __future__ import annotations

import struct
from typing import Literal

import msgspec

from sale_tui.ports import Completion, Generate, MarkReading, Message
from sale_tui.types import ModelFacts, ToolSpec

LENGTH = struct.Struct("<I")
LONGEST_FRAME = 1 << 28


class Frame(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Base of all frames."""


class Load(Frame, frozen=True, kw_only=True):
    """The first command: which file, and how."""

    path: str
    context: int
    """Cells of the key-value memory that all sequences share."""
    sequences: int
    threads: int
    gpu_layers: int
    sha256: str | None
    cache: str | None
    """Folder that remembers the hashes of files."""


class Write(Frame, frozen=True, kw_only=True):
    """Write one assistant turn."""

    call: int
    request: Generate


class Mark(Frame, frozen=True, kw_only=True):
    """Read the digits' likelihoods after each prompt."""

    call: int
    prompts: tuple[tuple[Message, ...], ...]
    prefix: str
    tools: tuple[ToolSpec, ...]


class Count(Frame, frozen=True, kw_only=True):
    """Count a prompt's tokens."""

    call: int
    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...]


class Cancel(Frame, frozen=True, kw_only=True):
    """Forget a call; nothing more is said of it."""

    call: int


class Threads(Frame, frozen=True, kw_only=True):
    """Compute with so many threads from now on."""

    threads: int


class Loaded(Frame, frozen=True, kw_only=True):
    """The model is there."""

    facts: ModelFacts


class Piece(Frame, frozen=True, kw_only=True):
    """A part of a turn; becomes a ``ports.Delta``."""

    call: int
    text: str
    channel: Literal["text", "thinking"]
    tokens: int
    entropy_sum: float


class Written(Frame, frozen=True, kw_only=True):
    """A turn is complete."""

    call: int
    completion: Completion


class Marked(Frame, frozen=True, kw_only=True):
    """All prompts of a call are read."""

    call: int
    readings: tuple[MarkReading, ...]


class Counted(Frame, frozen=True, kw_only=True):
    """So many tokens."""

    call: int
    tokens: int


class Failed(Frame, frozen=True, kw_only=True):
    """A call failed, or (call 0) the model is lost with it."""

    call: int
    message: str
    hint: str = ""
    too_long: bool = False


Command = Load | Write | Mark | Count | Cancel | Threads
Reply = Loaded | Piece | Written | Marked | Counted | Failed

_encoder = msgspec.msgpack.Encoder()
decode_command = msgspec.msgpack.Decoder(Command).decode
decode_reply = msgspec.msgpack.Decoder(Reply).decode


def encode(frame: Frame) -> bytes:
    """A frame with its length before it."""
    body = _encoder.encode(frame)
    return LENGTH.pack(len(body)) + body
