"""What a class is recognised by: its clips' pictures with what moves greyed, and with all else greyed.

Of the clips of a class that the network recognises, with p its probability (softmax of the logits) of the class:

    whole     mean p of the clips as they are
    movers    mean p with every block of the picture grey in which nothing moves
    place     mean p with every block grey in which something moves

What a network sees of motion is left as it is. A network of pictures alone that recognises a class by its place, and
not by what moves there, is suspected of a bias. Grey blocks are no pictures that it was trained on: other classes'
values say how much that takes. What lies still behind a mover, in its blocks, goes with it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from app.contract.evidence import MaskedClass
from app.contract.network import StreamName
from worker.devices import device_of
from worker.evidence.synergy import MOTION
from worker.graph.inputs import Inputs, on_device
from worker.networks.network import Network
from worker.networks.preprocessing import FLOW_UNIT_PX, batch_size, join
from worker.video.flow import consecutive_flow

MOST = 600  # clips that are greyed
EACH = 10  # of a class
BLOCKS = 14  # along a side
MOVING_PX = 0.3  # a frame, beyond what the whole picture does: mean over the clip; twice the step of stored flow
MARGIN = 5  # pixels around what moves that move with it
LOOKS = 10  # fields of flow computed of a clip that brings none
WITHIN = (0.02, 0.9)  # share of the picture that moves: beyond it there is nothing to tell apart

Clips = Callable[[Sequence[int]], Iterable[tuple[int, Inputs]]]


def masked_classes(
    network: Network,
    clips: Clips,
    labels: Sequence[int],
    probabilities: Mapping[int, float],
    observe: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[MaskedClass, ...]:
    """`labels` of all clips, by number; `probabilities` of its own class of every clip that is recognised. Classes of
    which no clip can be greyed are left out.
    """
    device, size = device_of(network.module), batch_size(network.card)
    numbers = chosen(labels, probabilities)
    found: dict[int, list[tuple[float, float, float]]] = {}
    for done, (number, given) in enumerate(clips(numbers), 1):
        inputs = on_device(given, device)
        kept = blocks(moving_part(inputs))
        if WITHIN[0] <= float(kept.mean()) <= WITHIN[1]:
            greyed = [without(inputs, 1 - kept), without(inputs, kept)]
            parts = [join(greyed[start : start + size]) for start in range(0, len(greyed), size)]
            answers = torch.cat([network.logits(part).softmax(1).cpu() for part in parts])
            movers, place = answers[:, labels[number]].tolist()
            found.setdefault(labels[number], []).append((probabilities[number], movers, place))
        observe(done, len(numbers))
    return tuple(_mean(label, values) for label, values in sorted(found.items()))


def _mean(label: int, values: Sequence[tuple[float, float, float]]) -> MaskedClass:
    whole, movers, place = np.mean(values, 0).tolist()
    return MaskedClass(class_index=label, clips=len(values), whole=whole, movers=movers, place=place)


def chosen(labels: Sequence[int], probabilities: Mapping[int, float]) -> list[int]:
    """Recognised clips, drawn by lot: EACH of a class, fewer where all would be too many."""
    by_class: dict[int, list[int]] = {}
    for number in np.random.default_rng(0).permutation(sorted(probabilities)).tolist():
        by_class.setdefault(labels[number], []).append(number)
    turns = [(turn, label) for label, own in by_class.items() for turn in range(min(EACH, len(own)))]
    return sorted(by_class[label][turn] for turn, label in sorted(turns)[:MOST])


def without(inputs: Inputs, part: Tensor) -> dict[StreamName, Tensor]:
    """The pictures grey where `part` (1, 1, H, W) is 1; the motion is left as it is."""

    def greyed(x: Tensor) -> Tensor:
        kept = 1 - F.interpolate(part, x.shape[-2:])
        return x * (kept if x.ndim == 4 else kept[:, :, None])

    return {name: x if name is MOTION else greyed(x) for name, x in inputs.items()}


def blocks(part: Tensor) -> Tensor:
    """Each of BLOCKS x BLOCKS 1 where any of its pixels is."""
    return F.adaptive_max_pool2d(part, BLOCKS)


def moving_part(inputs: Inputs) -> Tensor:
    """Where (1, 1, H, W) something moves, by the flow that a network sees or one that is computed of its clip."""
    if MOTION in inputs:
        return moving(inputs[MOTION], MOVING_PX)
    clip = inputs[StreamName.CLIP][0]
    step = max(1, clip.shape[1] // LOOKS)
    frames = ((clip.permute(1, 2, 3, 0).cpu().numpy() + 1) * 127.5).clip(0, 255).astype(np.uint8)
    fields = [consecutive_flow(frames[start : start + 2]) for start in range(0, len(frames) - 1, step)]
    flow = torch.from_numpy(np.concatenate(fields)).permute(0, 3, 1, 2).flatten(0, 1)[None]
    return moving(flow / FLOW_UNIT_PX, MOVING_PX).to(clip.device)


def moving(motion: Tensor, least: float) -> Tensor:
    """Where flow (B, 2L, H, W) is other than what most of the picture does, by `least` px a frame: 1, else 0,
    (B, 1, H, W).
    """
    frames, height, width = motion.shape[1] // 2, *motion.shape[2:]
    flow = motion.reshape(-1, frames, 2, height, width) * FLOW_UNIT_PX
    flow = flow - flow.flatten(3).median(3).values[..., None, None]
    speed = flow.norm(dim=2).mean(1, keepdim=True)
    return F.max_pool2d((speed > least).float(), MARGIN, 1, MARGIN // 2)
