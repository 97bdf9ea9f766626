"""The control of a network: the same architecture with its weights shuffled, so that nothing learned is left.

Each tensor keeps its values and loses their order, so that activations keep their size better than with weights drawn
anew. Batch normalisations get the means and variances of the control itself.
"""

import copy
from collections.abc import Iterable
from dataclasses import replace

import torch
from torch import nn

from worker.graph.inputs import Inputs
from worker.networks.layer_recorder import BATCH_NORMS
from worker.networks.network import Network

SEED = 0
CALIBRATION_CLIPS = 32  # of which batch normalisations take their statistics


def shuffle_weights(network: Network, clips: Iterable[Inputs], seed: int = SEED) -> Network:
    """Return a copy of the network with every parameter's values in random order.

    `clips` are inputs on the network's device, with which its batch normalisations are calibrated.
    """
    module = copy.deepcopy(network.module)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            order = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
            parameter.copy_(parameter.flatten()[order].view_as(parameter))
    _calibrate(module, clips)
    return replace(network, module=module)


def _calibrate(module: nn.Module, clips: Iterable[Inputs]) -> None:
    """Set the running statistics of batch normalisations to the averages over the clips."""
    norms = [part for part in module.modules() if isinstance(part, BATCH_NORMS) and part.running_mean is not None]
    momenta = [part.momentum for part in norms]
    for part in norms:
        part.reset_running_stats()
        part.momentum = None  # an average over all batches
        part.train()
    if norms:
        with torch.no_grad():
            for inputs in clips:
                module(inputs)
    for part, momentum in zip(norms, momenta, strict=True):
        part.eval()
        part.momentum = momentum
