"""Carry out additions in place (`out += shortcut`) as sums of their own, so that the shortcut may have a larger batch.

Copies of a clip that are made in a shortcut cannot be added into a tensor of one clip; as a sum of its own they can.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch.overrides import TorchFunctionMode

from worker.graph.inputs import Inputs
from worker.networks.network import Network

Result = TypeVar("Result")


class SeparateSums(TorchFunctionMode):
    """As a context, gives `a += b` a new tensor; a module that reads the old one by another name gives other values."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a function of torch, or the sum that takes its place."""
        if func in (torch.Tensor.__iadd__, torch.Tensor.add_):
            func = torch.add
        return func(*args, **(kwargs or {}))


def with_separate_sums(network: Network, inputs: Inputs, run: Callable[[], Result]) -> Result:
    """Return what `run` gives with separate sums.

    Raises RuntimeError where the network itself gives other logits for the inputs, (B, ...) by stream, so.
    """
    with torch.no_grad():
        expected = network.module(inputs)
        with SeparateSums():
            if not torch.allclose(network.module(inputs), expected, rtol=1e-4, atol=1e-5):
                raise RuntimeError("With separate sums the network gives other logits.")
    with SeparateSums():
        return run()
