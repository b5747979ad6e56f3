"""Conversations as token ids."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import jinja2
import numpy as np
from tokenizers import AddedToken, Tokenizer

from models.train.samples import SPECS, Sample
from sale_tui.ports import Message

CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
DEFINED = ("<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>")
SPECIAL = (*CONTROL, *DEFINED)
TEMPLATE = Path(__file__).parent / "chat_template.jinja"
PRE = "smaug-bpe"
"""llama.cpp's name of the pre-tokeniser: Qwen2's, but for numbers, of which up to three digits stay together. A number
that is one piece is copied in one step."""
_SLOT = re.compile("\ue000(\\d+)\ue001")
PROMPT_WEIGHT = 0.1
DIGIT_WEIGHT = 5.0
ANSWER_WEIGHT = 4.0
"""Of the turn that answers: what was printed resembles what was computed with, and is taken for it."""


@cache
def template() -> jinja2.Template:
    """The chat template that travels in the GGUF."""
    return jinja2.Environment(trim_blocks=False, lstrip_blocks=False).from_string(TEMPLATE.read_text("utf-8"))  # noqa: S701


class Coder:
    """Conversations to ids. Contents never give special ids, whatever they hold."""

    def __init__(self, path: Path) -> None:
        self.plain = Tokenizer.from_file(str(path))
        self.special = Tokenizer.from_file(str(path))
        self.special.add_special_tokens([AddedToken(t, normalized=False) for t in SPECIAL])
        self.end = self.id_of("<|im_end|>")
        self.pad = self.id_of("<|endoftext|>")

    def id_of(self, token: str) -> int:
        """The id of one piece. Raises KeyError."""
        found = self.special.token_to_id(token)
        if found is None:
            raise KeyError(token)
        return int(found)

    def control(self, text: str) -> list[int]:
        """Ids of template text or of an assistant's own turn."""
        return list(self.special.encode(text, add_special_tokens=False).ids)

    def content(self, text: str) -> list[int]:
        """Ids of untrusted text."""
        return list(self.plain.encode(text, add_special_tokens=False).ids)

    def decode(self, ids: list[int]) -> str:
        """Text with special pieces shown."""
        return str(self.special.decode(ids, skip_special_tokens=False))

    def prompt(
        self, messages: tuple[Message, ...], tools: tuple[str, ...], generate: bool = True
    ) -> list[tuple[list[int], int]]:
        """Pieces of a rendered conversation: their ids and whose content they are (-1: the template's)."""
        slots: list[tuple[str, int]] = []

        def slot(text: str, message: int) -> str:
            slots.append((text, message))
            return f"\ue000{len(slots) - 1}\ue001"

        shown = [
            {
                "role": m.role,
                "content": slot(m.content, i),
                "part": m.part,
                **{k: slot(v, i) for k, v in m.fields.items()},
            }
            for i, m in enumerate(messages)
        ]
        specs = [
            {"type": "function", "function": {"name": SPECS[t].name, "description": "", "parameters": {}}}
            for t in tools
        ]
        text = template().render(messages=shown, tools=specs, add_generation_prompt=generate)
        pieces: list[tuple[list[int], int]] = []
        for number, part in enumerate(_SLOT.split(text)):
            if number % 2 == 0:
                pieces.append((self.control(part), -1))
                continue
            content, message = slots[int(part)]
            own = messages[message].role == "assistant"
            pieces.append((self.control(content) if own else self.content(content), message))
        return pieces

    def sample(self, sample: Sample) -> tuple[np.ndarray, np.ndarray]:
        """Ids and loss weights (of each id as a target); the end token of a learned turn counts."""
        ids: list[int] = []
        weights: list[float] = []
        learned = False
        for piece, message in self.prompt(sample.messages, sample.tools, generate=False):
            if message in sample.learn:
                ids += piece
                weights += turn_weights(len(piece), sample, message)
                learned = sample.sort != "mark"
                continue
            ids += piece
            weights += [
                1.0
                if learned and i == 0
                else PROMPT_WEIGHT
                if message >= 0 and sample.messages[message].role != "assistant"
                else 0.0
                for i in range(len(piece))
            ]
            learned = False
        return np.array(ids, np.int32), np.array(weights, np.float32)


def turn_weights(length: int, sample: Sample, message: int) -> list[float]:
    """Loss weights of a learned turn."""
    if sample.sort == "mark":
        return [0.0] * (length - 1) + [DIGIT_WEIGHT]
    answers = sample.sort == "execute" and message == sample.learn[-1]
    return [ANSWER_WEIGHT if answers else 1.0] * length
