"""Qwen3, small: head width 32, normalised queries and keys, RoPE, SwiGLU, RMSNorm, tied embeddings.

The matrices are those of the ``qwen3`` architecture, so that a checkpoint goes into a GGUF as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

HEAD = 32
EPS = 1e-6
ROPE_BASE = 10000.0


@dataclass(frozen=True, slots=True)
class Shape:
    """The size of one model."""

    width: int
    layers: int
    inner: int
    vocabulary: int = 1536

    @property
    def heads(self) -> int:
        """Heads of width 32."""
        return self.width // HEAD


SHAPES = {"micro-xs": Shape(64, 3, 192), "micro-s": Shape(96, 3, 256), "micro-m": Shape(128, 4, 320), "micro-l": Shape(160, 5, 416)}


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
        self.attn_q, self.attn_k, self.attn_v, self.attn_output = (matrix(shape.width, shape.width) for _ in range(4))
        self.ffn_gate, self.ffn_up = matrix(shape.inner, shape.width), matrix(shape.inner, shape.width)
        self.ffn_down = matrix(shape.width, shape.inner)
        with torch.no_grad():
            self.attn_output.mul_((2 * shape.layers) ** -0.5)
            self.ffn_down.mul_((2 * shape.layers) ** -0.5)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, cache: list[Tensor] | None = None) -> Tensor:
        """(batch, length, width) to the same; ``cache`` holds keys and values of what came before."""
        batch, length, width = x.shape
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
        y = F.scaled_dot_product_attention(q, k, v, is_causal=length > 1)
        x = x + F.linear(y.transpose(1, 2).reshape(batch, length, width), self.attn_output.to(kind))
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
        self.blk = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.output_norm = nn.Parameter(torch.ones(shape.width))

    def hidden(self, ids: Tensor, dtype: torch.dtype = torch.float32, caches: list[list[Tensor]] | None = None) -> Tensor:
        """Last hidden states, normalised; without caches a whole causal pass."""
        x = F.embedding(ids, self.token_embd).to(dtype)
        offset = caches[0][0].shape[2] if caches and caches[0] else 0
        cos, sin = (t.to(dtype) for t in rope(ids.shape[1], offset))
        for number, layer in enumerate(self.blk):
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


def count(network: nn.Module) -> int:
    """Number of parameters."""
    return sum(p.numel() for p in network.parameters())
