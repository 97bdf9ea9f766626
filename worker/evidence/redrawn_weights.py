"""The strict control of what happens after the streams meet: the trained streams, with all later weights drawn anew.

Shuffled weights of the whole network often leave units that never vary, beside which anything looks learned. Here the
streams give what they learned, and only what puts them together is random: weights are normal with the variance of He
et al. (2015), which keeps the size of activations, and batch normalisations are calibrated anew. Thresholds are those
of the network: each unit behind a ReLU is shifted until it is positive as often as its namesake. Without, streams that
vary little beside their mean leave every unit always on, such units are linear, and anything interacts more.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from worker.evidence.shuffled_weights import Shift, calibrate_norms, remove_shifts
from worker.evidence.stream_tail import StreamTail
from worker.graph.inputs import as_map

# Runs some clips through a tail, and gives the outputs of the submodules at these paths.
Run = Callable[[StreamTail, Callable[[str, Tensor], None], Sequence[str]], object]


def redraw_weights(tail: StreamTail, seed: int, run: Run) -> StreamTail | None:
    """Return the tail with its weights drawn anew, None where it has none or cannot be told from the streams.

    `run` shows clips, of which batch normalisations take their statistics and units their thresholds.
    """
    module = copy.deepcopy(tail.network.module)
    paths = tail.modules()
    parts = [module.get_submodule(path) for path in paths]
    if all(next(part.parameters(recurse=False), None) is None for part in parts):
        return None
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for part in parts:
            _redraw(part, generator)
            remove_shifts(part)
    redrawn = tail.with_network(replace(tail.network, module=module))
    calibrate_norms(parts, lambda: run(redrawn, _ignore, ()))
    rectified = {point.path for point in tail.network.points.values() if point.rectified}
    for path in paths:
        if path in rectified:
            share = (_read_values(tail, path, run) > 0).double().mean(1)
            shift = shift_to(_read_values(redrawn, path, run), share)
            module.get_submodule(path).register_forward_hook(Shift(shift).add)
    return redrawn


def _read_values(tail: StreamTail, path: str, run: Run) -> Tensor:
    """Return the activations (U, n) of a submodule's units at all positions, before the ReLU."""
    found: list[Tensor] = []
    run(tail, lambda _, output: found.append(as_map(output).transpose(0, 1).flatten(1).cpu()), (path,))
    return torch.cat(found, 1)


def shift_to(values: Tensor, shares: Tensor) -> Tensor:
    """Return what to add to the values (U, n) of each unit, so that a share (U,) of them is positive; 0 where it is."""
    ordered = values.sort(1, descending=True).values
    positive = (shares * values.shape[1]).round().long()
    last = ordered.gather(1, (positive - 1).clamp_min(0)[:, None])[:, 0]  # the smallest that is to be positive
    first = ordered.gather(1, positive.clamp_max(values.shape[1] - 1)[:, None])[:, 0]
    middle = torch.where(positive == 0, ordered[:, 0], (last + first) / 2)
    shift = torch.where(positive == values.shape[1], -last + values.std(1) / values.shape[1], -middle)
    return shift.where((values > 0).sum(1) != positive, torch.zeros_like(shift))


def _ignore(path: str, output: Tensor) -> None:
    """Do nothing with an output that nobody reads."""


def _redraw(part: nn.Module, generator: torch.Generator) -> None:
    """Draw the parameters of one module anew; scales of normalisations, which have one axis, stay."""
    for name, parameter in part.named_parameters(recurse=False):
        if parameter.ndim > 1:
            deviation = (2 * parameter.shape[0] / parameter.numel()) ** 0.5  # 2 / inputs of a unit
            values = torch.randn(parameter.shape, generator=generator) * deviation
            parameter.copy_(values.to(parameter.device, parameter.dtype))
        elif name.endswith("bias"):
            parameter.zero_()
