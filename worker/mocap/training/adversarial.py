"""Adversarial examples by one gradient step (Goodfellow et al. 2015, arXiv 1412.6572, in the L2 norm).

Training on them makes gradients, and so stimuli, easier to interpret.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from app.contract.network import StreamName
from worker.mocap.training.batches import Inputs

# L2 norms of the step in standard units: 5 and 8 in the units that the weights see (see mocap_two_stream)
ADVERSARIAL_NORMS = {StreamName.APPEARANCE: 5 / 2, StreamName.MOTION: 8 / 20}


def adversarial_step(
    inputs: Inputs, gradients: Mapping[StreamName, Tensor], epsilon: Mapping[StreamName, float] = ADVERSARIAL_NORMS
) -> Inputs:
    """Move every clip by `epsilon` along its normalised gradient of the loss, stream by stream, clamped to [-1, 1]."""

    def moved(name: StreamName, values: Tensor) -> Tensor:
        gradient = gradients[name]
        norm = gradient.flatten(1).norm(dim=1).clamp_min(1e-12).view(-1, 1, 1, 1)
        return torch.clamp(values + epsilon[name] * gradient / norm, -1, 1)

    with torch.no_grad():
        return {name: moved(name, values) for name, values in inputs.items()}
