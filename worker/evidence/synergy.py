"""What the fusion adds: responses to both streams together, to either alone, to neither."""

import torch
from torch import Tensor

from app.contract.network import StreamName
from worker.graph.inputs import Inputs

MOTION = StreamName.MOTION


def both(inputs: Inputs) -> bool:
    """Whether there is a motion stream beside another."""
    return MOTION in inputs and len(inputs) > 1


def motion_alone(inputs: Inputs) -> dict[StreamName, Tensor]:
    """On grey."""
    return {name: x if name is MOTION else torch.zeros_like(x) for name, x in inputs.items()}


def without_motion(inputs: Inputs) -> dict[StreamName, Tensor]:
    return {name: torch.zeros_like(x) if name is MOTION else x for name, x in inputs.items()}


def neither(inputs: Inputs) -> dict[StreamName, Tensor]:
    return {name: torch.zeros_like(x) for name, x in inputs.items()}


def swapped(inputs: Inputs, other: Inputs) -> dict[StreamName, Tensor]:
    """The pictures of one clip with the motion of another."""
    return {**inputs, MOTION: other[MOTION]}


def synergy(a: Tensor, m: Tensor, j: Tensor, n: Tensor) -> Tensor:
    """(J - A - M + N) / (|J| + |A| + |M| + |N|): positive where both streams do more together than each alone adds.

    0 where all are.
    """
    total = j.abs() + a.abs() + m.abs() + n.abs()
    return torch.where(total > 0, (j - a - m + n) / total.clamp_min(1e-30), 0.0)
