"""The strict control of what happens after the streams meet: the trained streams, with all later weights drawn anew.

Shuffled weights of the whole network often leave units that never vary, beside which anything looks learned. Here the
streams give what they learned, and only what puts them together is random: weights are normal with the variance of He
et al. (2015), which keeps the size of activations, biases are 0, and batch normalisations are calibrated anew. Where
the network is itself a control, its silent layers are shifted no longer: their shifts were those of other weights.
"""

import copy
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import nn

from worker.evidence.shuffled_weights import calibrate_norms, remove_shifts
from worker.evidence.stream_tail import StreamTail


def redraw_weights(tail: StreamTail, seed: int, calibrate: Callable[[StreamTail], object]) -> StreamTail | None:
    """Return the tail with its weights drawn anew, None where it has none or cannot be told from the streams.

    `calibrate` runs some clips through the tail, from which its batch normalisations take their statistics.
    """
    module = copy.deepcopy(tail.network.module)
    parts = [module.get_submodule(path) for path in tail.modules()]
    if all(next(part.parameters(recurse=False), None) is None for part in parts):
        return None
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for part in parts:
            _redraw(part, generator)
            remove_shifts(part)
    redrawn = tail.with_network(replace(tail.network, module=module))
    calibrate_norms(parts, lambda: calibrate(redrawn))
    return redrawn


def _redraw(part: nn.Module, generator: torch.Generator) -> None:
    """Draw the parameters of one module anew; scales of normalisations, which have one axis, stay."""
    for name, parameter in part.named_parameters(recurse=False):
        if parameter.ndim > 1:
            deviation = (2 * parameter.shape[0] / parameter.numel()) ** 0.5  # 2 / inputs of a unit
            values = torch.randn(parameter.shape, generator=generator) * deviation
            parameter.copy_(values.to(parameter.device, parameter.dtype))
        elif name.endswith("bias"):
            parameter.zero_()
