"""Transfer: how often an independently trained network classifies a stimulus as the class it was made for."""

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


def class_probabilities(
    judge: Network, stimuli: Sequence[Stimulus], streams: Collection[StreamName] | None = None
) -> Tensor:
    """Return the judge's class probabilities for N stimuli: the softmax of its logits, (N, classes).

    The judge is shown only the given streams, all by default; the others are grey, or without motion. Raises
    InvalidRequest for a stimulus that is not as long as the judge's input.
    """
    return judge.logits(_judge_inputs(judge, stimuli, streams)).softmax(1)


def transfer(
    judge: Network,
    stimuli: Sequence[Stimulus],
    labels: Sequence[str],
    streams: Collection[StreamName] | None = None,
) -> float:
    """Return the share of the stimuli that the judge classifies as their label: mean of [argmax p(stimulus) = label].

    Raises UnknownClass for a label that the judge does not know.
    """
    expected = torch.tensor([judge.card.class_index(label) for label in labels])
    return float((class_probabilities(judge, stimuli, streams).argmax(1).cpu() == expected).float().mean())


def _judge_inputs(judge: Network, stimuli: Sequence[Stimulus], streams: Collection[StreamName] | None) -> Inputs:
    device = device_of(judge.module)
    values = {s.name: torch.stack([_stream_values(s, each, streams) for each in stimuli]) for s in judge.card.streams}
    return {name: as_input(name, x.to(device)) for name, x in values.items()}


def _stream_values(stream: Stream, stimulus: Stimulus, streams: Collection[StreamName] | None) -> Tensor:
    """Return what the judge's stream is shown of a stimulus, (D, T, H, W): zeros where it has or may show nothing."""
    if stream.name not in stimulus or (streams is not None and stream.name not in streams):
        return torch.zeros(stream.depth, stream.frames, stream.height, stream.width)
    return resize_stimulus(stream, torch.from_numpy(np.asarray(stimulus[stream.name], np.float32)))


def resize_stimulus(stream: Stream, x: Tensor) -> Tensor:
    """Scale (D, T, H, W) to the stream's height and width; displacements scale with the size."""
    if x.shape[1] != stream.frames:
        raise InvalidRequest(
            f"A stimulus of {x.shape[1]} frames cannot be shown to a network that takes {stream.frames}: "
            "choose a judge with streams of the same length."
        )
    if x.shape[2:] == (stream.height, stream.width):
        return x
    size = (stream.height, stream.width)
    resized = F.interpolate(x.transpose(0, 1), size, mode="bilinear", antialias=True, align_corners=False)
    across, down = stream.width / x.shape[3], stream.height / x.shape[2]
    scale = torch.tensor((across, down) if stream.depth == 2 else (1.0,)).view(-1, 1, 1, 1)
    return resized.transpose(0, 1) * scale
