"""Networks and clips with which findings must come out one way: planted facts, and attempts to break a verdict."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from app.contract.errors import InvalidRequest
from benchmarks.shipped_networks import load_shipped
from worker.evidence.redrawn_weights import draw_weights
from worker.evidence.shuffled_weights import CALIBRATION_CLIPS, shuffle_weights
from worker.networks.load import describe_network
from worker.networks.network import Network
from worker.networks.preprocessing import make_inputs, read_frames
from worker.shipped.paths import CLIPS_FOLDER, WEIGHTS_FOLDER
from worker.shipped.sample import list_sample
from worker.survey.prefetch import Sample
from worker.survey.video_files import VideoFile
from worker.video.decoders import ClipDecoders
from worker.video.flow import Frames

SHUFFLED_SEED = 1  # another than that of the control that each survey makes
MOTION_CHANNELS, APPEARANCE_CHANNELS = 20, 3  # of the inputs of the default network's streams


@dataclass(frozen=True)
class Clips:
    """The shipped clips of the first numbers of each class, and those of the following numbers."""

    first: tuple[Sample, ...]
    held_out: tuple[Sample, ...]


@dataclass(frozen=True)
class Scenario:
    """A network and clips; `words` say what is changed."""

    name: str
    words: str
    network: Callable[[Clips], Network]
    samples: Callable[[Clips], Sequence[Sample]]


def read_clips(per_class: int, decoders: ClipDecoders) -> Clips:
    """Return `per_class` clips of each class, and as many others. Each is decoded once."""
    card = describe_network(family="mocap_two_stream", weights=WEIGHTS_FOLDER / "mocap_default.safetensors")
    decoded: dict[Path, Frames] = {}

    def read(video: VideoFile, count: int) -> Frames:
        if video.path not in decoded:
            decoded[video.path] = read_frames(card, video.path, decoders.read_clip)
        return decoded[video.path]

    videos = list_sample(CLIPS_FOLDER, 2 * per_class)
    classes = len({video.label for video in videos})
    samples = [Sample(video.path.stem, video.label, partial(read, video), video.group) for video in videos]
    first, held_out = samples[: classes * per_class], samples[classes * per_class :]
    if len(held_out) < classes * per_class:
        raise InvalidRequest(f"There are only {len(samples)} shipped clips: take fewer than {per_class} a class.")
    return Clips(tuple(first), tuple(held_out))


def drawn(clips: Clips) -> Network:
    """Return the default network with random weights: normal, of the variance of He et al. (2015), biases 0."""
    network = load_shipped("default")
    module = copy.deepcopy(network.module)
    generator = torch.Generator().manual_seed(SHUFFLED_SEED)
    with torch.no_grad():
        for part in module.modules():
            draw_weights(part, generator)
    return replace(network, module=module)


def shuffled(clips: Clips) -> Network:
    """Return the default network with its weights shuffled by another seed than that of the survey's control."""
    network = load_shipped("default")
    chosen = clips.first[:: max(1, len(clips.first) // CALIBRATION_CLIPS)][:CALIBRATION_CLIPS]
    inputs = (make_inputs(network.card, sample.read(32)) for sample in chosen)
    return shuffle_weights(network, inputs, seed=SHUFFLED_SEED)


def blind(channels: int) -> Network:
    """Return the default network with the weights of the first layer of one stream zero, by its number of channels."""
    network = load_shipped("default")
    module = copy.deepcopy(network.module)
    first = next(part for part in module.modules() if isinstance(part, nn.Conv2d) and part.in_channels == channels)
    with torch.no_grad():
        for parameter in first.parameters():
            parameter.zero_()
    return replace(network, module=module)


def shuffle_labels(samples: Sequence[Sample]) -> list[Sample]:
    """Return the clips with their labels in random order."""
    order = np.random.default_rng(SHUFFLED_SEED).permutation(len(samples))
    return [replace(sample, label=samples[other].label) for sample, other in zip(samples, order, strict=True)]


def duplicate(samples: Sequence[Sample], *, tell_groups: bool) -> list[Sample]:
    """Return every clip twice, under two names; `tell_groups` says of both that they are one group."""
    group = (lambda sample: sample.group or sample.name) if tell_groups else (lambda sample: None)
    return [
        replace(sample, name=f"{sample.name}{suffix}", group=group(sample))
        for suffix in ("", "-2")
        for sample in samples
    ]


SCENARIOS = (
    Scenario("default", "the default network", lambda clips: load_shipped("default"), lambda clips: clips.first),
    Scenario(
        "control",
        "shuffled binding, no mat in training",
        lambda clips: load_shipped("control"),
        lambda clips: clips.first,
    ),
    Scenario(
        "held-out",
        "the default network, other clips",
        lambda clips: load_shipped("default"),
        lambda clips: clips.held_out,
    ),
    Scenario("random", "the default network, weights drawn at random", drawn, lambda clips: clips.first),
    Scenario("shuffled", "the default network, weights shuffled", shuffled, lambda clips: clips.first),
    Scenario(
        "labels",
        "labels shuffled over clips",
        lambda clips: load_shipped("default"),
        lambda clips: shuffle_labels(clips.first),
    ),
    Scenario(
        "duplicates",
        "every clip twice, groups told",
        lambda clips: load_shipped("default"),
        lambda clips: duplicate(clips.first, tell_groups=True),
    ),
    Scenario(
        "duplicates-untold",
        "every clip twice, groups not told",
        lambda clips: load_shipped("default"),
        lambda clips: duplicate(clips.first, tell_groups=False),
    ),
    Scenario(
        "no-motion", "a network that ignores motion", lambda clips: blind(MOTION_CHANNELS), lambda clips: clips.first
    ),
    Scenario(
        "only-motion",
        "a network that sees only motion",
        lambda clips: blind(APPEARANCE_CHANNELS),
        lambda clips: clips.first,
    ),
)
