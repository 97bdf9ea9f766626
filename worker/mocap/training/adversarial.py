"""Adversarial examples by several gradient steps (Madry et al. 2018, arXiv 1706.06083, in the L2 norm).

Training on them makes gradients, and so stimuli, easier to interpret (Engstrom et al. 2019, arXiv 1906.00945).
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from app.contract.network import StreamName
from worker.mocap.training.batches import Inputs

# L2 norms in standard units: 5 and 8 in the units that the weights see (see mocap_two_stream)
ADVERSARIAL_NORMS = {StreamName.APPEARANCE: 5 / 2, StreamName.MOTION: 8 / 20}
STEP_SHARE = 2.5  # steps together are this many times the norm long, so that an example can turn on the way

Loss = Callable[[Inputs], Tensor]


def adversarial_examples(inputs: Inputs, loss: Loss, epsilon: Mapping[StreamName, float], steps: int) -> Inputs:
    """Return inputs at most `epsilon` (L2, standard units) from every clip, stream by stream, where the loss is high.

    `loss` maps inputs, (B, C, H, W) by stream, to the sum of the clips' losses. Values are clamped to [-1, 1].
    """
    moved = {name: values.detach() for name, values in inputs.items()}
    rate = STEP_SHARE / steps if steps > 1 else 1.0
    for _ in range(steps):
        tracked = {name: values.requires_grad_() for name, values in moved.items()}
        gradients = torch.autograd.grad(loss(tracked), list(tracked.values()))
        with torch.no_grad():
            moved = {
                name: _step(inputs[name], values, gradient, epsilon[name], rate * epsilon[name])
                for (name, values), gradient in zip(tracked.items(), gradients, strict=True)
            }
    return moved


def _step(start: Tensor, values: Tensor, gradient: Tensor, epsilon: float, length: float) -> Tensor:
    """Go `length` along the normalised gradient, back into the ball of `epsilon` around `start`, and clamp."""
    offset = values + length * gradient / _norms(gradient) - start
    share = epsilon / _norms(offset)
    return torch.clamp(start + offset * share.clamp_max(1), -1, 1)


def _norms(values: Tensor) -> Tensor:
    """Return the L2 norm of each clip, (B, 1, 1, 1), never zero."""
    norms: Tensor = values.flatten(1).norm(dim=1)
    return norms.clamp_min(1e-12).view(-1, 1, 1, 1)
