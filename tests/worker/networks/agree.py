"""Compare two ways to compute the same tensor."""

import torch
from torch import Tensor


def assert_agree(actual: Tensor, expected: Tensor, x: Tensor) -> None:
    """Assert that both agree in value, and in the gradient with respect to x along a random direction."""
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-4)
    direction = torch.randn_like(expected)
    gradients = (torch.autograd.grad((y * direction).sum(), x)[0] for y in (actual, expected))
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-4)
