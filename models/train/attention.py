"""Causal attention in blocks of queries, for training on a CPU.

PyTorch's own kernel is slow there in bfloat16, most of all backwards, at the few hundred positions of a training
sample. Plain batched products, each block of queries against the keys up to its end, take about half its time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Protocol, cast

import torch
from torch import Tensor

WHOLE = 192
"""Up to this length one block is quicker than several."""
BLOCK = 128


def blocks(length: int) -> list[tuple[int, int]]:
    """Begin and end of every block of queries."""
    if length <= WHOLE:
        return [(0, length)]
    return [(start, min(length, start + BLOCK)) for start in range(0, length, BLOCK)]


@cache
def mask(rows: int, columns: int, dtype: torch.dtype) -> Tensor:
    """What the last ``rows`` of ``columns`` positions may not see: (rows, columns), 0 or minus infinity."""
    return torch.full((rows, columns), float("-inf"), dtype=dtype).triu(1 + columns - rows)


class Context(Protocol):
    """What a forward pass hands to its backward pass."""

    saved_tensors: tuple[Tensor, ...]

    def save_for_backward(self, *tensors: Tensor) -> None:
        """Keeps tensors."""


class Attention(torch.autograd.Function):
    """Queries (already scaled), keys and values, each (sequences and heads, length, width of a head), to values."""

    @staticmethod
    def forward(ctx: Context, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Softmax of the products, times the values."""
        out, shares = torch.empty_like(v), list[Tensor]()
        for start, end in blocks(q.shape[1]):
            products = torch.bmm(q[:, start:end], k[:, :end].transpose(1, 2))
            products.add_(mask(end - start, end, q.dtype))
            shares.append(torch.softmax(products, -1))
            out[:, start:end] = torch.bmm(shares[-1], v[:, :end])
        ctx.save_for_backward(q, k, v, *shares)
        return out

    @staticmethod
    def backward(ctx: Context, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The gradients of all three."""
        q, k, v, *shares = ctx.saved_tensors
        grad = grads[0].contiguous()
        d_q, d_k, d_v = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)
        for (start, end), share in zip(blocks(q.shape[1]), shares, strict=True):
            part = grad[:, start:end]
            d_v[:, :end] += torch.bmm(share.transpose(1, 2), part)
            d_share = torch.bmm(part, v[:, :end].transpose(1, 2))
            d_products = d_share.sub_((d_share * share).sum(-1, keepdim=True)).mul_(share)
            d_q[:, start:end] = torch.bmm(d_products, k[:, :end])
            d_k[:, :end] += torch.bmm(d_products.transpose(1, 2), q[:, start:end])
        return d_q, d_k, d_v


run = cast("Callable[[Tensor, Tensor, Tensor], Tensor]", torch.compiler.disable(Attention.apply))
"""Not for the compiler: its own code for these products is no quicker, and made anew for every length."""


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Causal attention of (batch, heads, length, width) to the same."""
    batch, heads, length, width = q.shape
    flat = (batch * heads, length, width)
    y = run((q * width**-0.5).reshape(flat), k.reshape(flat), v.reshape(flat))
    return y.view(batch, heads, length, width)
