"""Whether the appearance of a clip decides if its class is recognised.

Among the clips of one class, some are classified correctly and some are missed:

    missed_recall      recall of the missed clips' motion with the appearance of the correct clips
    recognised_recall  recall of the correct clips' motion with the appearance of the missed clips
    background_rate    share of other classes' clips that are classified as this class when their foreground is pasted
                       onto the background of a correct clip
    baseline_rate      the same share with their own background
"""

from collections.abc import Mapping, Sequence
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

from app.contract.network import StreamName
from app.contract.survey import AppearanceBias
from worker.evidence.foreground import foreground_mask
from worker.evidence.predict import batched_logits
from worker.evidence.stream_swaps import StreamSwapper
from worker.evidence.synergy import MOTION, has_motion_and_appearance
from worker.graph.inputs import Inputs

FOREGROUND_PX = 0.75  # a frame, beyond the background: what is pasted onto another background


def appearance_bias(
    label: int,
    correct: Sequence[Inputs],
    missed: Sequence[Inputs],
    other_clips: Sequence[Inputs],
    other_predictions: Sequence[int],
    swapper: StreamSwapper,
) -> AppearanceBias:
    """Measure one class, `label`, on its correct and missed clips and on clips of other classes.

    `other_predictions` are the classes that the network predicts for `other_clips` as they are.
    """
    missed_motions = [swapper.read_motion(inputs) for inputs in missed]
    missed_swaps = [swapper.swap(inputs, missed_motions) for inputs in correct]
    correct_motions = [motion for _, motion in missed_swaps]
    correct_swaps = [swapper.swap(inputs, correct_motions) for inputs in missed]
    pasted = [paste_foreground(clip, background) for background, clip in product(correct, other_clips)]
    return AppearanceBias(
        class_index=label,
        missed_recall=_share_predicted(label, [logits for logits, _ in missed_swaps]),
        recognised_recall=_share_predicted(label, [logits for logits, _ in correct_swaps]),
        background_rate=_share_predicted(label, [batched_logits(swapper.network, pasted)]) if pasted else 0.0,
        baseline_rate=sum(predicted == label for predicted in other_predictions) / max(1, len(other_clips)),
    )


def _share_predicted(label: int, logits: Sequence[Tensor]) -> float:
    return float((torch.cat(list(logits)).argmax(1) == label).float().mean())


def paste_foreground(inputs: Inputs, background: Mapping[StreamName, Tensor]) -> dict[StreamName, Tensor]:
    """Return a clip whose foreground is pasted onto the picture of another clip; its motion stays as it is."""
    assert has_motion_and_appearance(inputs)
    foreground = foreground_mask(inputs[MOTION], FOREGROUND_PX)

    def paste(name: StreamName, x: Tensor) -> Tensor:
        mask = F.interpolate(foreground, x.shape[-2:])
        mask = mask if x.ndim == 4 else mask[:, :, None]
        return x * mask + background[name] * (1 - mask)

    return {name: x if name is MOTION else paste(name, x) for name, x in inputs.items()}
