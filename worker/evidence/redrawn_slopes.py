"""The control of the gain slope: weights drawn anew, with units that are positive as often as the network's.

With shuffled weights motion often moves no unit of the last layer, so that no control could show as much. Here weights
are normal with the variance of He et al. (2015), batch normalisations are calibrated anew, and from the first layer on
each unit before a ReLU is shifted until it is positive as often as the same unit of the network. Several such networks
are drawn: an interval of the control draws one of them, besides classes.
"""

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from app.contract.network import NetworkCard
from worker.evidence.depth import Measured
from worker.evidence.motion_grid import ChangedClips, ChangedPeaks, PeaksReader, gain_changes
from worker.evidence.motion_tuning import grid_responses
from worker.evidence.playback import UNCHANGED
from worker.evidence.redrawn_weights import match_shares, redraw_parts
from worker.evidence.shuffled_weights import MAX_KEPT_BYTES, calibrate_norms
from worker.evidence.types import Floats
from worker.evidence.unit_motion import layer_curves
from worker.graph.forward_hook import forward_to
from worker.graph.inputs import Inputs, as_map
from worker.networks.network import Network

REDRAWN = 3
MAX_NETWORK_BYTES = 1_000_000_000  # of all of them: of a large network fewer are drawn
CALIBRATION_CLIPS = 16  # on which units are positive as often as the network's
MAX_VALUES = 20_000  # of a unit, from which its threshold follows
CLIPS_PER_UNIT = 3  # its strongest, of the clips that are changed for the network's units


def count_redrawn(network: Network) -> int:
    """Return how many networks are drawn; none without a layer before a ReLU, whose thresholds could be matched."""
    size = sum(parameter.nbytes for parameter in network.module.parameters())
    return int(np.clip(MAX_NETWORK_BYTES // max(1, size), 1, REDRAWN)) if rectified_paths(network) else 0


def count_calibration_clips(card: NetworkCard) -> int:
    """Return how many clips are kept in memory to match thresholds."""
    size = 4 * sum(stream.depth * stream.frames * stream.height * stream.width for stream in card.streams)
    return int(np.clip(MAX_KEPT_BYTES // size, 1, CALIBRATION_CLIPS))


def count_calibration_passes(network: Network) -> int:
    """Return about how many passes matching thresholds takes: to each layer, half of a whole pass on average."""
    layers = len(rectified_paths(network))
    each = layers * (1 + count_redrawn(network)) / 2
    return int(each * count_calibration_clips(network.card))


def rectified_paths(network: Network) -> list[str]:
    """Return the submodules before a ReLU, input first."""
    points = [network.points[layer.name] for layer in network.card.own_layers]
    return [point.path for point in points if point.rectified and point.path]


def redraw_networks(network: Network, clips: Iterable[Inputs]) -> list[Network]:
    """Return networks of the same architecture with weights drawn anew, matched on these clips, (1, ...) by stream."""
    kept = list(clips)
    paths = rectified_paths(network)
    shares = {path: (_read_values(network, path, kept) > 0).double().mean(1) for path in paths}
    return [_redraw(network, kept, seed, shares) for seed in range(count_redrawn(network))]


def _redraw(network: Network, clips: Sequence[Inputs], seed: int, shares: Mapping[str, Tensor]) -> Network:
    module = copy.deepcopy(network.module)
    redraw_parts(module.modules(), seed)

    def show() -> None:
        with torch.no_grad():
            for inputs in clips:
                module(inputs)

    calibrate_norms(module.modules(), show)
    redrawn = replace(network, module=module)
    match_shares(module, shares, lambda path: _read_values(redrawn, path, clips))
    return redrawn


def _read_values(network: Network, path: str, clips: Sequence[Inputs]) -> Tensor:
    """Return activations (U, n) before the ReLU, on all clips, of MAX_VALUES evenly spaced positions at most."""
    found = []
    with torch.no_grad(), forward_to(network.module, path) as output:
        for inputs in clips:
            values = as_map(output(inputs)).transpose(0, 1).flatten(1)
            found.append(values[:, :: -(-values.shape[1] * len(clips) // MAX_VALUES)].cpu())
    return torch.cat(found, 1)


def slope_readers(networks: Sequence[Network], ends: tuple[str, str], numbers: Iterable[int]) -> list[PeaksReader]:
    """Return readers of the units of two layers on clips with motion of other sizes, one for each network."""
    changes = dict.fromkeys(numbers, gain_changes(networks[0].card)) if networks else {}
    return [
        PeaksReader(each, {end: np.zeros((each.card.layer(end).units, 0), np.int64) for end in ends}, clips)
        for each in networks
        for clips in [ChangedClips({}, changes)]
    ]


def redrawn_slopes(
    readers: Sequence[PeaksReader], ends: tuple[str, str], slope_gains: Sequence[float], weights: Floats
) -> list[tuple[Measured, Measured]]:
    """Return the median slopes of both layers of each network in which both have one.

    `weights` (draws, N) says how often each clip, by its number, counts in each draw.
    """
    found = []
    for reader in readers:
        first, last = (_median_slope(reader, end, slope_gains, weights) for end in ends)
        if first is not None and last is not None:
            found.append((first, last))
    return found


def _median_slope(reader: PeaksReader, layer: str, slope_gains: Sequence[float], weights: Floats) -> Measured | None:
    card, changes = reader.network.card, gain_changes(reader.network.card)
    numbers = np.array(sorted(reader.peaks.layers.get(UNCHANGED, ())), np.int64)
    if not len(numbers):
        return None
    shown = [reader.peaks.of_layer(layer, change, numbers.tolist()) for change in changes]
    values = np.stack(shown, 2).transpose(1, 0, 2).astype(np.float64)  # (U, n, M)
    strongest = np.argsort(-values[:, :, changes.index(UNCHANGED)], 1, kind="stable")[:, :CLIPS_PER_UNIT]  # (U, K)
    grid = np.take_along_axis(values, strongest[:, :, None], 1)
    is_signed = card.layer(layer).signed
    excites = (grid[:, :, changes.index(UNCHANGED)] > 0) | is_signed
    peaks = ChangedPeaks(changes, {layer: np.where(excites[:, :, None], grid, np.nan)}, {})
    responses = grid_responses(peaks, layer, np.where(excites, numbers[strongest], -1), signed=is_signed)
    curves = layer_curves(responses, slope_gains, weights)
    slope = curves.median_slope
    return None if slope is None else (slope.value, curves.resampled)


def join_networks(
    found: Sequence[tuple[Measured, Measured]], generator: np.random.Generator
) -> tuple[Measured, Measured] | None:
    """Return the mean over networks of both layers, and draws of which each is of a network drawn at random."""
    if not found:
        return None
    draws = len(found[0][0][1])
    which = generator.integers(len(found), size=draws)

    def join(end: int) -> Measured:
        resampled = np.stack([each[end][1] for each in found])
        return float(np.mean([each[end][0] for each in found])), resampled[which, np.arange(draws)]

    return join(0), join(1)
