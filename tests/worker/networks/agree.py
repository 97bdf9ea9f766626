"""Two ways to compute the same."""

import torch
from torch import Tensor


def assert_agree(found: Tensor, expected: Tensor, x: Tensor) -> None:
    """In value, and in the gradient to x along a random direction."""
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    direction = torch.randn_like(expected)
    gradients = (torch.autograd.grad((y * direction).sum(), x)[0] for y in (found, expected))
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-4)
