"""Shape-true models: real dimensions and vocabulary size, random weights, in seconds.

They measure speed, memory and loading honestly (what they write is noise), and serve as tiny models in tests. Needs the
``gguf`` package of the ``train`` extra.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
USER_DEFINED = ("<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>")

PLAIN_TEMPLATE = """{%- for m in messages -%}
<|im_start|>{{ m.role }}
{{ m.content }}<|im_end|>
{% endfor -%}
{%- if add_generation_prompt -%}
<|im_start|>assistant
{% endif -%}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Dimensions of a Qwen3 model."""

    width: int
    layers: int
    heads: int
    kv_heads: int
    head: int = 128
    feed_forward: int
    vocabulary: int = 151_936
    context: int = 40_960
    tied: bool = False
    """Whether the output layer is the embedding."""
    splitter: str = "qwen2"
    """How text is split before merging; Qwen's keeps every digit alone, ``gpt-2``'s does not."""


SHAPES = {
    "0.6b": Shape(width=1024, layers=28, heads=16, kv_heads=8, feed_forward=3072, tied=True),
    "1.7b": Shape(width=2048, layers=28, heads=16, kv_heads=8, feed_forward=6144, tied=True),
    "4b": Shape(width=2560, layers=36, heads=32, kv_heads=8, feed_forward=9728, tied=True),
    "8b": Shape(width=4096, layers=36, heads=32, kv_heads=8, feed_forward=12288),
    "14b": Shape(width=5120, layers=40, heads=40, kv_heads=8, feed_forward=17408),
    "32b": Shape(width=5120, layers=64, heads=64, kv_heads=8, feed_forward=25600),
    "tiny": Shape(
        width=64, layers=2, heads=2, kv_heads=2, head=32, feed_forward=128, vocabulary=512, context=4096, tied=True
    ),
}
"""The paper's four, two smaller Qwen3, and one for tests."""

Kind = Literal["f32", "q8_0", "q4_0"]


def byte_letters() -> list[str]:
    """GPT-2's printable stand-in of every byte, as byte-level vocabularies write them."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte) if byte in plain else chr(next(others)) for byte in range(256)]


def vocabulary(size: int) -> tuple[list[str], list[int], list[str]]:
    """Tokens, their types (1 normal, 3 control, 4 user-defined, 5 unused) and merges of a byte-level vocabulary."""
    letters = byte_letters()
    words = [
        "th",
        "the",
        "in",
        "an",
        "er",
        "on",
        "Ma",
        "Mar",
        "Mark",
        "pl",
        "pla",
        "plan",
        "st",
        "ste",
        "step",
        "\u01205",
    ]
    tokens = [*letters, *words]
    merges = [_merge(word) for word in words]
    types = [1] * len(tokens)
    for text in CONTROL:
        tokens.append(text)
        types.append(3)
    for text in USER_DEFINED:
        tokens.append(text)
        types.append(4)
    unused = size - len(tokens)
    if unused < 0:
        raise ValueError(f"a vocabulary needs at least {len(tokens)} tokens")
    return tokens + [f"[PAD{index}]" for index in range(unused)], types + [5] * unused, merges


def _merge(word: str) -> str:
    """Each word is made from its head and its last letter, which stand before it."""
    return f"{word[:-1]} {word[-1]}"


def write_model(
    path: Path, shape: Shape, *, kind: Kind = "q8_0", seed: int = 0, template: str = PLAIN_TEMPLATE
) -> None:
    """Write a random Qwen3 GGUF of this shape. Raises OSError, ImportError."""
    import gguf

    writer = gguf.GGUFWriter(path, "qwen3")
    _write_facts(writer, shape)
    tokens, types, merges = vocabulary(shape.vocabulary)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(shape.splitter)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(merges)
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_pad_token_id(tokens.index("<|endoftext|>"))
    writer.add_add_bos_token(False)
    writer.add_chat_template(template)
    random = np.random.Generator(np.random.PCG64(seed))
    types_of = gguf.GGMLQuantizationType
    quantised = {"f32": None, "q8_0": types_of.Q8_0, "q4_0": types_of.Q4_0}[kind]
    for name, rows, columns in _tensors(shape):
        if columns == 0:
            writer.add_tensor(name, np.ones(rows, np.float32))
        elif quantised is None:
            writer.add_tensor(name, random.standard_normal((rows, columns), np.float32) * np.float32(columns**-0.5))
        else:
            writer.add_tensor(name, _blocks(random, rows, columns, kind), raw_dtype=quantised)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _write_facts(writer: Any, shape: Shape) -> None:
    writer.add_name("shape-true random Qwen3")
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_key_length(shape.head)
    writer.add_value_length(shape.head)
    writer.add_rope_freq_base(1_000_000.0)
    writer.add_layer_norm_rms_eps(1e-6)


def _tensors(shape: Shape) -> Iterator[tuple[str, int, int]]:
    """Name, rows and columns of every tensor; no columns for a norm."""
    yield "token_embd.weight", shape.vocabulary, shape.width
    yield "output_norm.weight", shape.width, 0
    if not shape.tied:
        yield "output.weight", shape.vocabulary, shape.width
    queries, keys = shape.heads * shape.head, shape.kv_heads * shape.head
    for layer in range(shape.layers):
        block = f"blk.{layer}."
        yield f"{block}attn_norm.weight", shape.width, 0
        yield f"{block}attn_q.weight", queries, shape.width
        yield f"{block}attn_k.weight", keys, shape.width
        yield f"{block}attn_v.weight", keys, shape.width
        yield f"{block}attn_output.weight", shape.width, queries
        yield f"{block}attn_q_norm.weight", shape.head, 0
        yield f"{block}attn_k_norm.weight", shape.head, 0
        yield f"{block}ffn_norm.weight", shape.width, 0
        yield f"{block}ffn_gate.weight", shape.feed_forward, shape.width
        yield f"{block}ffn_up.weight", shape.feed_forward, shape.width
        yield f"{block}ffn_down.weight", shape.width, shape.feed_forward


def _blocks(random: np.random.Generator, rows: int, columns: int, kind: Kind) -> npt.NDArray[np.uint8]:
    """Random quantised rows: each block of 32 a half-precision scale, then bytes."""
    bytes_each = 32 if kind == "q8_0" else 16
    count = columns // 32
    blocks = np.empty((rows, count, 2 + bytes_each), np.uint8)
    blocks[:, :, 2:] = np.frombuffer(random.bytes(rows * count * bytes_each), np.uint8).reshape(rows, count, bytes_each)
    spread = 73.0 if kind == "q8_0" else 4.6
    scale = np.full((rows, count), columns**-0.5 / spread, np.float16)
    blocks[:, :, :2] = scale.view(np.uint8).reshape(rows, count, 2)
    return blocks.reshape(rows, count * (2 + bytes_each))
