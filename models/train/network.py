"""Qwen3, small: head width 32, normalised queries and keys, RoPE, SwiGLU, RMSNorm, tied embeddings.

The matrices are those of the ``qwen3`` architecture, so that a checkpoint goes into a GGUF as it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from models.train.attention import attend

HEAD = 32
EPS = 1e-6
ROPE_BASE = 1_000_000.0
"""Qwen3's own: most pairs of a head turn so slowly that contents match wherever they stand."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The size of one model."""

    width: int
    layers: int
    inner: int
    heads: int
    """Of width 32 each; together they may be wider than the model."""
    vocabulary: int = 1536


SHAPES = {
    "micro-xs": Shape(96, 3, 256, 3),
    "micro-s": Shape(96, 4, 256, 3),
    "micro-m": Shape(160, 4, 416, 5),
    "micro-l": Shape(160, 5, 416, 5),
}


def norm(x: Tensor, weight: Tensor) -> Tensor:
    """RMSNorm."""
    return F.rms_norm(x, (x.shape[-1],), weight.to(x.dtype), EPS)


def rope(length: int, offset: int = 0) -> tuple[Tensor, Tensor]:
    """Cosines and sines (length, 32), both halves alike."""
    frequency = ROPE_BASE ** (-torch.arange(0, HEAD, 2).float() / HEAD)
    angle = torch.arange(offset, offset + length).float()[:, None] * frequency
    return torch.cat([angle.cos()] * 2, -1), torch.cat([angle.sin()] * 2, -1)


def turn(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """RoPE in the half-split layout (``neox``)."""
    a, b = x.chunk(2, -1)
    return x * cos + torch.cat((-b, a), -1) * sin


class Layer(nn.Module):
    """One block."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.attn_norm = nn.Parameter(torch.ones(shape.width))
        self.ffn_norm = nn.Parameter(torch.ones(shape.width))
        self.attn_q_norm = nn.Parameter(torch.ones(HEAD))
        self.attn_k_norm = nn.Parameter(torch.ones(HEAD))
        inside = shape.heads * HEAD
        self.attn_q, self.attn_k, self.attn_v = (matrix(inside, shape.width) for _ in range(3))
        self.attn_output = matrix(shape.width, inside)
        self.ffn_gate, self.ffn_up = matrix(shape.inner, shape.width), matrix(shape.inner, shape.width)
        self.ffn_down = matrix(shape.width, shape.inner)
        with torch.no_grad():
            self.attn_output.zero_()
            self.ffn_down.zero_()

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, cache: list[Tensor] | None = None) -> Tensor:
        """(batch, length, width) to the same; ``cache`` holds keys and values of what came before."""
        batch, length, _ = x.shape
        kind = x.dtype
        y = norm(x, self.attn_norm)
        qkv = F.linear(y, torch.cat((self.attn_q, self.attn_k, self.attn_v)).to(kind))
        q, k, v = qkv.view(batch, length, 3, self.heads, HEAD).unbind(2)
        q = turn(norm(q, self.attn_q_norm).transpose(1, 2), cos, sin)
        k = turn(norm(k, self.attn_k_norm).transpose(1, 2), cos, sin)
        q, k, v = q.contiguous(), k.contiguous(), v.transpose(1, 2).contiguous()
        if cache is not None:
            if cache:
                k, v = torch.cat((cache[0], k), 2), torch.cat((cache[1], v), 2)
            cache[:] = [k, v]
        y = attend(q, k, v) if cache is None else F.scaled_dot_product_attention(q, k, v, is_causal=length > 1)
        x = x + F.linear(y.transpose(1, 2).reshape(batch, length, self.heads * HEAD), self.attn_output.to(kind))
        y = norm(x, self.ffn_norm)
        y = F.silu(F.linear(y, self.ffn_gate.to(kind))) * F.linear(y, self.ffn_up.to(kind))
        return x + F.linear(y, self.ffn_down.to(kind))


def matrix(rows: int, columns: int) -> nn.Parameter:
    """A matrix with unit-preserving random entries."""
    return nn.Parameter(torch.randn(rows, columns) * columns**-0.5)


class Network(nn.Module):
    """The whole model; weights float32, computed in ``dtype``."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.token_embd = nn.Parameter(torch.randn(shape.vocabulary, shape.width) * 0.05)
        self.layers = [Layer(shape) for _ in range(shape.layers)]
        self.blk = nn.ModuleList(self.layers)
        self.output_norm = nn.Parameter(torch.ones(shape.width))
        lay_copying(self)

    def hidden(
        self, ids: Tensor, dtype: torch.dtype = torch.float32, caches: list[list[Tensor]] | None = None
    ) -> Tensor:
        """Last hidden states, normalised; without caches a whole causal pass."""
        x = F.embedding(ids, self.token_embd).to(dtype)
        offset = caches[0][0].shape[2] if caches and caches[0] else 0
        cos, sin = (t.to(dtype) for t in rope(ids.shape[1], offset))
        for number, layer in enumerate(self.layers):
            x = layer(x, cos, sin, caches[number] if caches is not None else None)
        return norm(x, self.output_norm)

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits over the vocabulary."""
        return F.linear(hidden, self.token_embd.to(hidden.dtype))

    def loss(self, ids: Tensor, weights: Tensor, keep: Tensor) -> Tensor:
        """Weighted mean cross-entropy of the targets where ``keep`` (samples, length - 1) is true, in bfloat16."""
        hidden = self.hidden(ids[:, :-1], torch.bfloat16)[keep]
        losses = F.cross_entropy(self.logits(hidden).float(), ids[:, 1:][keep], reduction="none")
        weight = weights[:, 1:][keep]
        return (losses * weight).sum() / weight.sum()


NEAR = 3
"""Pairs of a head, fastest first, by which it finds the position before."""
FAR = 5
"""First pair of a head that turns slowly enough to match contents."""


@torch.no_grad()
def lay_copying(network: Network) -> None:
    """Lays the circuit that copies into the first two layers: copying comes late by training alone.

    Dimension 0 of every embedding is one constant. Heads of the first layer attend by position to the token 1, 2
    (and 3) before and write what it was; heads of the second attend to where the token before equals the present one,
    and where those tokens equal it and those before it, the more the better, and write what stood there.
    """
    shape = network.shape
    reach = min(3, shape.heads)
    rank = min(24, (shape.width - 1) // (reach + 1))
    basis = torch.zeros(shape.width - 1, shape.width)
    basis[:, 1:] = torch.linalg.qr(torch.randn(shape.width - 1, shape.width - 1))[0]
    places = [basis[number * rank : (number + 1) * rank] for number in range(reach + 1)]
    rest = basis[rank * (reach + 1) :]
    network.token_embd[:, 0] = 0.15
    first, second = network.layers[:2]
    for vector, gain in (
        (first.attn_q_norm, 2.2),
        (first.attn_k_norm, 2.2),
        (second.attn_q_norm, 2.2),
        (second.attn_k_norm, 2.2),
    ):
        vector.fill_(gain)
    for back in range(1, reach + 1):
        rows = slice((back - 1) * HEAD, back * HEAD)
        first.attn_q[rows], first.attn_k[rows], first.attn_v[rows] = 0, 0, 0
        for pair in range(NEAR):
            angle, row = back * ROPE_BASE ** (-2 * pair / HEAD), (back - 1) * HEAD + pair
            first.attn_q[row, 0] = 1.0
            first.attn_k[row, 0], first.attn_k[row + HEAD // 2, 0] = math.cos(angle), math.sin(angle)
        first.attn_v[rows][:rank] = places[0]
        first.attn_output[:, rows][:, :rank] = places[back].T * 0.05
    slow = torch.tensor([*range(FAR, HEAD // 2), *range(FAR + HEAD // 2, HEAD)])
    # The first head matches the present token alone, surely; the second all of them, so that lists are not confused.
    for head, (written, count_back) in enumerate(
        ((rest[:HEAD] if len(rest) >= rank else places[0], 1), (places[0], reach))
    ):
        rows = slice(head * HEAD, (head + 1) * HEAD)
        second.attn_q[rows], second.attn_k[rows], second.attn_v[rows] = 0, 0, 0
        for back, weight in zip(range(count_back), (1.0, 0.8, 0.6), strict=False):
            mix = weight * torch.linalg.qr(torch.randn(max(rank, len(slow)), rank))[0][: len(slow)]
            second.attn_q[slow + head * HEAD] += mix @ places[back]
            second.attn_k[slow + head * HEAD] += mix @ places[back + 1]
        second.attn_v[rows][: len(written)] = written
        second.attn_output[:, rows][:, : len(written)] = written.T * 0.6


@torch.no_grad()
def inherit(network: Network, parent: Network) -> None:
    """Takes over the weights of a network of the same width: layers that it has more begin without effect, layers
    that it has less are those before the last.
    """
    ours, theirs = network.layers, list(parent.layers)
    last = [] if len(ours) > len(theirs) else [theirs[-1]]
    taken = theirs[: len(ours) - len(last)] + last
    for mine, other in zip(ours, taken, strict=False):
        mine.load_state_dict(other.state_dict())
    for mine in ours[len(taken) :]:
        mine.attn_output.zero_()
        mine.ffn_down.zero_()
    network.token_embd.copy_(parent.token_embd)
    network.output_norm.copy_(parent.output_norm)


def count(network: nn.Module) -> int:
    """Number of parameters."""
    return sum(p.numel() for p in network.parameters())
