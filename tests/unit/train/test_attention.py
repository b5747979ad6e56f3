"""Attention in blocks is attention."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from models.train.attention import WHOLE, attend


@pytest.mark.parametrize("length", [1, 16, WHOLE, WHOLE + 1, 300])
def test_values_and_gradients_are_those_of_the_library(length: int) -> None:
    """Whole and in blocks, with a last block that is not full."""
    generator = torch.Generator().manual_seed(length)
    q, k, v = (torch.randn(2, 3, length, 32, generator=generator, requires_grad=True) for _ in range(3))
    weight = torch.randn(2, 3, length, 32, generator=generator)
    ours, theirs = attend(q, k, v), F.scaled_dot_product_attention(q, k, v, is_causal=True)
    torch.testing.assert_close(ours, theirs)
    for mine, right in zip(
        torch.autograd.grad(ours, (q, k, v), weight), torch.autograd.grad(theirs, (q, k, v), weight), strict=True
    ):
        torch.testing.assert_close(mine, right, atol=1e-5, rtol=1e-4)
