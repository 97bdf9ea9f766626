"""Fusion synergy: how much more a unit responds to both streams together than to each alone."""

import torch
from torch import Tensor

from app.contract.network import StreamName
from worker.graph.inputs import Inputs

MOTION = StreamName.MOTION


def has_motion_and_appearance(inputs: Inputs) -> bool:
    """Return whether there is a motion stream beside another stream."""
    return MOTION in inputs and len(inputs) > 1


def motion_only(inputs: Inputs) -> dict[StreamName, Tensor]:
    """Return the inputs without appearance: every stream but motion is 0, which is grey."""
    return {name: x if name is MOTION else torch.zeros_like(x) for name, x in inputs.items()}


def appearance_only(inputs: Inputs) -> dict[StreamName, Tensor]:
    """Return the inputs without motion: the flow is 0."""
    return {name: torch.zeros_like(x) if name is MOTION else x for name, x in inputs.items()}


def blank(inputs: Inputs) -> dict[StreamName, Tensor]:
    """Return inputs of the same shapes that are 0: grey and without motion."""
    return {name: torch.zeros_like(x) for name, x in inputs.items()}


def with_motion_of(inputs: Inputs, other: Inputs) -> dict[StreamName, Tensor]:
    """Return the appearance of one clip with the motion of another."""
    return {**inputs, MOTION: other[MOTION]}


def synergy(appearance: Tensor, motion: Tensor, joint: Tensor, none: Tensor) -> Tensor:
    """Return (J - A - M + N) / (|J| + |A| + |M| + |N|), element by element.

    A, M, J and N are a unit's responses to appearance alone, motion alone, both and neither, all of one shape. The
    result is positive where both streams together do more than the two alone add up to, and 0 where all four are 0.
    """
    total = joint.abs() + appearance.abs() + motion.abs() + none.abs()
    return torch.where(total > 0, (joint - appearance - motion + none) / total.clamp_min(1e-30), 0.0)
