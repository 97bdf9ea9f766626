"""Sample the activations of a layer over the clips of a data set, as evenly as memory allows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from app.contract.errors import InvalidRequest, NotFinite, VideoError
from worker.devices import device_of
from worker.evidence.types import Observe
from worker.graph.inputs import Inputs, on_device
from worker.networks.network import Network
from worker.networks.preprocessing import clips_per_batch, join_clips
from worker.survey.prefetch import Sample, prefetch

MAX_POSITIONS = 200_000  # of all clips together
MAX_BYTES = 512_000_000  # of their activations, in float32
HELD_OUT_SHARE = 0.2  # of the clips

Rows = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class LayerSample:
    """The activations of a layer, after a following ReLU, at some positions of N clips.

    `rows` (n, C) are positions, `clips` (n,) the clip of each as an index from 0 to N - 1; `means` (N, C) are over all
    positions of a clip; `labels` and `names` are of the N clips. `skipped` says why clips could not be read.
    """

    rows: Rows
    clips: Numbers
    means: Rows
    names: tuple[str, ...]
    labels: tuple[str, ...]
    skipped: tuple[str, ...]

    def of_clips(self, clips: Numbers) -> Rows:
        """Return the positions of these clips."""
        return self.rows[np.isin(self.clips, clips)]


def sample_activations(
    network: Network,
    layer: str,
    samples: Sequence[Sample],
    *,
    positions: int = MAX_POSITIONS,
    seed: int = 0,
    margin: int = 0,
    threads: int = 1,
    observe: Observe = lambda done, total: None,
) -> LayerSample:
    """Return the layer's activations at no more than about `positions`, equally many of each clip, drawn by the seed.

    Positions within `margin` of an end of the map, in time, height or width, are left out.

    Raises InvalidRequest where fewer than two clips can be read, NotFinite for NaN or infinite activations.
    """
    checked, rectified = network.card.layer(layer), network.points[layer].rectified
    most = max(1, min(positions, MAX_BYTES // (4 * checked.units)))
    each = max(1, most // max(1, len(samples)))
    rows: list[Rows] = []
    means: list[Rows] = []
    read: list[int] = []
    skipped: list[str] = []
    for numbers, batch in read_batches(network, samples, skipped, threads=threads, observe=observe):
        with torch.no_grad():
            maps = network.activation(layer, batch)
        maps = crop_margin(maps, margin)
        flat = (maps.relu() if rectified else maps).flatten(2).transpose(1, 2).cpu()  # (B, positions, C)
        if not flat.isfinite().all():
            raise NotFinite(f"The layer {layer} gives NaN or infinite activations: check the network's weights.")
        for number, clip in zip(numbers, flat.numpy(), strict=True):
            drawn = np.random.default_rng([seed, number]).permutation(len(clip))[:each]
            rows.append(clip[np.sort(drawn)])
            means.append(clip.mean(0, dtype=np.float64).astype(np.float32))
        read += numbers
    if len(read) < 2:
        reason = f" The first that cannot be read: {skipped[0]}" if skipped else ""
        raise InvalidRequest(
            f"A dictionary is learned from two clips or more, and {len(read)} can be read here: add clips.{reason}"
        )
    return LayerSample(
        rows=np.concatenate(rows),
        clips=np.repeat(np.arange(len(read)), [len(some) for some in rows]),
        means=np.stack(means),
        names=tuple(samples[number].name for number in read),
        labels=tuple(samples[number].label for number in read),
        skipped=tuple(skipped),
    )


def crop_margin(maps: Tensor, margin: int) -> Tensor:
    """Return maps (B, C, T, H, W) without `margin` positions at both ends of each axis that is longer than that leaves.

    Raises InvalidRequest where no axis is, though a margin is asked for.
    """
    if margin and all(size <= 2 * margin for size in maps.shape[2:]):
        sizes = " x ".join(map(str, maps.shape[2:]))
        raise InvalidRequest(f"A margin of {margin} leaves nothing of a map of {sizes}: ask for a smaller one.")
    for axis, size in enumerate(maps.shape[2:], 2):
        if size > 2 * margin:
            maps = maps.narrow(axis, margin, size - 2 * margin)
    return maps


def read_batches(
    network: Network,
    samples: Sequence[Sample],
    skipped: list[str],
    *,
    threads: int = 1,
    observe: Observe = lambda done, total: None,
) -> Iterator[tuple[list[int], Inputs]]:
    """Yield the numbers of clips with their inputs on the network's device, a batch that memory holds at a time.

    Clips that cannot be read are left out, and `skipped` gets their names with the reason.
    """
    size, device = clips_per_batch(network.card), device_of(network.module)
    numbers: list[int] = []
    clips: list[Inputs] = []
    for done, (number, clip) in enumerate(prefetch(network.card, samples, range(len(samples)), threads), 1):
        if isinstance(clip, VideoError):
            skipped.append(f"{samples[number].name}: {clip.detail}")
        else:
            numbers.append(number)
            clips.append(clip)
        if clips and (len(clips) == size or done == len(samples)):
            yield numbers, on_device(join_clips(clips), device)
            numbers, clips = [], []
        observe(done, len(samples))


def split_clips(count: int, seed: int, groups: Sequence[str] | None = None) -> tuple[Numbers, Numbers]:
    """Return the clips to learn from and those held out, about a fifth and one at least, drawn by the seed.

    With `groups`, one of each clip, a fifth of every group of five or more is held out.
    """
    order = np.random.default_rng(seed).permutation(count)
    if groups is None:
        held = order[: max(1, round(HELD_OUT_SHARE * count))]
    else:
        members = {name: [clip for clip in order if groups[clip] == name] for name in dict.fromkeys(groups)}
        held = np.array([clip for of in members.values() for clip in of[: max(1, round(HELD_OUT_SHARE * len(of)))]])
    return np.sort(np.setdiff1d(order, held)), np.sort(held)
