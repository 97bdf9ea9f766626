"""The strict control of what happens after the streams meet: the trained streams, with all later weights drawn anew.

Shuffled weights of the whole network often leave units that never vary, beside which anything looks learned. Here the
streams give what they learned, and only what puts them together is random: weights are normal with the variance of He
et al. (2015), which keeps the size of activations, and batch normalisations are calibrated anew. Each unit before a
ReLU is shifted until it is positive as often as the same unit of the network. Units with a bias of 0 are always
positive, and so linear, where the streams vary little beside their mean: any network has more interaction than those.
"""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from worker.evidence.shuffled_weights import Shift, calibrate_norms, remove_shifts
from worker.evidence.stream_tail import StreamTail
from worker.graph.inputs import as_map

# Runs some clips through a tail, and gives the outputs of the submodules at these paths.
Run = Callable[[StreamTail, Callable[[str, Tensor], None] | None, Sequence[str]], object]


def positive_shares(tail: StreamTail, run: Run) -> dict[str, Tensor]:
    """Return how often each unit (U,) of the layers before a ReLU is positive, by the paths of their submodules."""
    rectified = {point.path for point in tail.network.points.values() if point.rectified}
    paths = [path for path in tail.modules() if path in rectified]
    values = _read_values(tail, paths, run) if paths else {}
    return {path: (of_path > 0).double().mean(1) for path, of_path in values.items()}


def redraw_weights(tail: StreamTail, seed: int, shares: Mapping[str, Tensor], run: Run) -> StreamTail | None:
    """Return the tail with its weights drawn anew, None where it has none or cannot be told from the streams.

    `run` shows clips, of which batch normalisations take their statistics; on these clips units are positive as often
    as `shares` says.
    """
    module = copy.deepcopy(tail.network.module)
    parts = [module.get_submodule(path) for path in tail.modules()]
    if all(next(part.parameters(recurse=False), None) is None for part in parts):
        return None
    redraw_parts(parts, seed)
    redrawn = tail.with_network(replace(tail.network, module=module))
    calibrate_norms(parts, lambda: run(redrawn, None, ()))
    match_shares(module, shares, lambda path: _read_values(redrawn, [path], run)[path])
    return redrawn


def _read_values(tail: StreamTail, paths: Sequence[str], run: Run) -> dict[str, Tensor]:
    """Return the activations (U, n) of the submodules' units at all positions, before the ReLU, by path."""
    found: dict[str, list[Tensor]] = {path: [] for path in paths}
    run(tail, lambda path, output: found[path].append(as_map(output).transpose(0, 1).flatten(1).cpu()), paths)
    return {path: torch.cat(values, 1) for path, values in found.items()}


def redraw_parts(parts: Iterable[nn.Module], seed: int) -> None:
    """Draw the weights of modules anew, and remove the shifts of their activations."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for part in parts:
            draw_weights(part, generator)
            remove_shifts(part)


def match_shares(module: nn.Module, shares: Mapping[str, Tensor], read: Callable[[str], Tensor]) -> None:
    """Shift the units of submodules so that each is positive as often as `shares` (U,) says, by path, input first.

    `read` returns the activations (U, n) of a submodule as they are by then.
    """
    for path, share in shares.items():  # one after the other: a shift changes what later layers get
        module.get_submodule(path).register_forward_hook(Shift(shift_to(read(path), share)).add)


def shift_to(values: Tensor, shares: Tensor) -> Tensor:
    """Return what to add to the values (U, n) of each unit, so that a share (U,) of them is positive; 0 where it is."""
    ordered = values.sort(1, descending=True).values
    positive = (shares * values.shape[1]).round().long()
    last = ordered.gather(1, (positive - 1).clamp_min(0)[:, None])[:, 0]  # the smallest that is to be positive
    first = ordered.gather(1, positive.clamp_max(values.shape[1] - 1)[:, None])[:, 0]
    middle = torch.where(positive == 0, ordered[:, 0], (last + first) / 2)
    shift = torch.where(positive == values.shape[1], -last + values.std(1) / values.shape[1], -middle)
    return shift.where((values > 0).sum(1) != positive, torch.zeros_like(shift))


def draw_weights(part: nn.Module, generator: torch.Generator) -> None:
    """Draw the parameters of one module anew; scales of normalisations, which have one axis, stay."""
    for name, parameter in part.named_parameters(recurse=False):
        if parameter.ndim > 1:
            deviation = (2 * parameter.shape[0] / parameter.numel()) ** 0.5  # 2 / inputs of a unit
            values = torch.randn(parameter.shape, generator=generator) * deviation
            parameter.copy_(values.to(parameter.device, parameter.dtype))
        elif name.endswith("bias"):
            parameter.zero_()
