"""Transfer: does an independently trained network see in a stimulus what the stimulus was made for?"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from app.contract.errors import InvalidRequest
from app.contract.network import Stream, StreamName
from worker.devices import device_of
from worker.graph.inputs import Inputs, as_input
from worker.networks.network import Network

Stimulus = Mapping[StreamName, NDArray[np.floating]]  # (D, T, H, W) by stream, standard units


def verdicts(judge: Network, stimuli: Sequence[Stimulus], streams: Collection[StreamName] | None = None) -> Tensor:
    """What the judge takes each stimulus for: probabilities (N, classes), the softmax of its class outputs.

    `streams`: those that the judge is shown; it sees the others grey, or without motion. All if not given.
    """
    return judge.logits(_inputs(judge, stimuli, streams)).softmax(1)


def transfer(
    judge: Network,
    stimuli: Sequence[Stimulus],
    labels: Sequence[str],
    streams: Collection[StreamName] | None = None,
) -> float:
    """Share of the stimuli that the judge assigns to their own class: mean of [argmax p(stimulus) = label].

    Raises UnknownClass for a label that the judge does not know.
    """
    expected = torch.tensor([judge.card.class_index(label) for label in labels])
    return float((verdicts(judge, stimuli, streams).argmax(1).cpu() == expected).float().mean())


def _inputs(judge: Network, stimuli: Sequence[Stimulus], streams: Collection[StreamName] | None) -> Inputs:
    device = device_of(judge.module)
    return {
        stream.name: as_input(stream.name, torch.stack([_shown(stream, each, streams) for each in stimuli]).to(device))
        for stream in judge.card.streams
    }


def _shown(stream: Stream, stimulus: Stimulus, streams: Collection[StreamName] | None) -> Tensor:
    """One stimulus (D, T, H, W) at the size of the judge's stream; what it does not have, or may not show, is grey."""
    if stream.name not in stimulus or (streams is not None and stream.name not in streams):
        return torch.zeros(stream.depth, stream.frames, stream.height, stream.width)
    return _fitted(stream, torch.from_numpy(np.asarray(stimulus[stream.name], np.float32)))


def _fitted(stream: Stream, x: Tensor) -> Tensor:
    """Scaled to the stream's size; displacements scale with the picture."""
    if x.shape[1] != stream.frames:
        raise InvalidRequest(
            f"A stimulus of {x.shape[1]} frames cannot be shown to a network that takes {stream.frames}: "
            "choose a judge with streams of the same length."
        )
    scale = stream.height / x.shape[2]
    if x.shape[2:] == (stream.height, stream.width):
        return x
    size = (stream.height, stream.width)
    resized = F.interpolate(x.transpose(0, 1), size, mode="bilinear", antialias=True, align_corners=False)
    return resized.transpose(0, 1) * (scale if stream.depth == 2 else 1)
