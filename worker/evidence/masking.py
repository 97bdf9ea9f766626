"""Whether a class is recognised by its foreground or its background: clips with one or the other grey.

Of the clips of a class that the network classifies correctly, with p the softmax probability of the class:

    whole        mean p of the clips as they are
    foreground   mean p with every block of the picture grey in which nothing moves
    background   mean p with every block grey in which something moves

The motion stream is left as it is. A class of an appearance network that is recognised by the background alone, and
not by the foreground, suggests a bias. No network was trained on grey blocks: what they cost by themselves shows in
the values of the other classes. Background that shares a block with the foreground is grey with it.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from app.contract.network import StreamName
from app.contract.survey import MaskedClass
from worker.devices import device_of
from worker.evidence.foreground import clip_foreground
from worker.evidence.predict import batched_logits
from worker.evidence.synergy import MOTION
from worker.evidence.types import Observe, ReadClips
from worker.graph.inputs import Inputs, on_device
from worker.networks.network import Network

MAX_CLIPS = 600  # of all classes together
MAX_CLIPS_PER_CLASS = 10
BLOCKS_PER_SIDE = 14  # of the picture
FOREGROUND_PX = 0.3  # a frame: twice the step in which flow is stored
MIN_FOREGROUND, MAX_FOREGROUND = 0.02, 0.9  # shares of the picture; beyond them there is nothing to compare


def masked_classes(
    network: Network,
    read_clips: ReadClips,
    labels: Sequence[int],
    probabilities: Mapping[int, float],
    observe: Observe = lambda done, total: None,
    max_clips: int = MAX_CLIPS,
) -> tuple[MaskedClass, ...]:
    """Return for each class the mean probabilities of its clips whole, without background, and without foreground.

    `labels` has the class of every clip by number; `probabilities` the probability of its class for every clip that
    is classified correctly. Classes without a clip that has both foreground and background are left out.
    """
    device = device_of(network.module)
    numbers = sample_clips(labels, probabilities, max_clips=max_clips)
    values: dict[int, list[tuple[float, float, float]]] = {}
    for done, (number, clip) in enumerate(read_clips(numbers), 1):
        inputs = on_device(clip, device)
        mask = block_mask(clip_foreground(inputs, FOREGROUND_PX))
        if MIN_FOREGROUND <= float(mask.mean()) <= MAX_FOREGROUND:
            logits = batched_logits(network, [grey_out(inputs, 1 - mask), grey_out(inputs, mask)])
            foreground, background = logits.softmax(1)[:, labels[number]].tolist()
            values.setdefault(labels[number], []).append((probabilities[number], foreground, background))
        observe(done, len(numbers))
    return tuple(_mean(label, rows) for label, rows in sorted(values.items()))


def _mean(label: int, values: Sequence[tuple[float, float, float]]) -> MaskedClass:
    whole, foreground, background = np.mean(values, 0).tolist()
    return MaskedClass(
        class_index=label, clips=len(values), unmasked=whole, foreground=foreground, background=background
    )


def sample_clips(
    labels: Sequence[int],
    probabilities: Mapping[int, float],
    *,
    max_clips: int = MAX_CLIPS,
    max_per_class: int = MAX_CLIPS_PER_CLASS,
) -> list[int]:
    """Draw clips at random, the same number of each class as far as there are, from those that have a probability."""
    by_class: dict[int, list[int]] = {}
    for number in np.random.default_rng(0).permutation(sorted(probabilities)).tolist():
        by_class.setdefault(labels[number], []).append(number)
    draws = [(rank, label) for label, numbers in by_class.items() for rank in range(min(max_per_class, len(numbers)))]
    return sorted(by_class[label][rank] for rank, label in sorted(draws)[:max_clips])


def grey_out(inputs: Inputs, mask: Tensor) -> dict[StreamName, Tensor]:
    """Return inputs whose pictures are grey where the mask (1, 1, h, w) is 1; the motion stream stays as it is."""

    def apply(x: Tensor) -> Tensor:
        keep = 1 - F.interpolate(mask, x.shape[-2:])
        return x * (keep if x.ndim == 4 else keep[:, :, None])

    return {name: x if name is MOTION else apply(x) for name, x in inputs.items()}


def block_mask(mask: Tensor) -> Tensor:
    """Reduce a mask (1, 1, H, W) to blocks (1, 1, 14, 14): a block is 1 where any of its pixels is."""
    return F.adaptive_max_pool2d(mask, BLOCKS_PER_SIDE)
