"""How the units after the meeting of two streams put them together: by interaction, or by adding and thresholding.

The response y(p, m) of a unit to the appearance of clip p with the motion of clip m is its largest activation over
positions, after a following ReLU. P appearances and M motions of real clips of different groups are all combined. The
share of interaction is that in the variance of y (variance_components.py).

A unit that only adds its streams and then thresholds has a share above 0 too. So the null of each unit is one that adds
what the unit's map holds at each position before the ReLU: the additive part of that map, R(p) + C(m) - mean, then the
largest over positions and the ReLU. What exceeds it is `beyond`. At single positions, the share of interaction before
the ReLU tells whether a layer adds its streams exactly, whatever its weights.

The control has the same streams and weights drawn anew behind them (redrawn_weights.py), several times. A layer's units
put the streams together more than chance does where more than 5 % of them are beyond 95 % of the control's units.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from app.contract.interaction import LayerInteraction, UnitInteraction
from app.contract.interval import Interval
from app.contract.network import CLASS_LAYER, Layer
from worker.evidence.resampling import make_interval, one_sided_p_value
from worker.evidence.stream_tail import ClipStreams, StreamTail
from worker.evidence.types import Floats, UnitKey
from worker.evidence.variance_components import variance_components
from worker.graph.inputs import as_map
from worker.networks.network import Network

ADDS_BELOW = 1e-6  # share of the variance: interaction by rounding, in float32 and in TF32
MIN_ACTIVE = 0.02  # of the combinations: a unit that is positive in fewer has no share that can be estimated
MIN_VARIANCE = 1e-10  # of the mean square of the response: less is rounding
MIN_NULL_VARIANCE = 0.01  # of the unit's: an additive unit that varies less does not answer at all, and has share 0
CONTROL_QUANTILE = 0.95
UNITS_AT_ONCE = 64
MAX_MAP_BYTES = 256_000_000  # of the sums of a layer's maps over appearances and over motions


@dataclass(frozen=True)
class LayerResponses:
    """Responses of the U units of a layer to P appearances with M motions."""

    measured: Floats  # (P, M, U)
    additive: Floats  # (P, M, U) of additive units behind the same threshold
    before: float  # share of interaction before a ReLU, at single positions


@dataclass(frozen=True)
class UnitShares:
    """Shares of interaction of the U units of a layer; the first of the B rows is of the clips as they are."""

    share: Floats  # (B, U)
    null: Floats  # (B, U)
    varies: npt.NDArray[np.bool_]  # (U,) units whose share can be estimated

    @property
    def beyond(self) -> Floats:
        """The share less that of additive units, of the units that vary: (B, V)."""
        return np.asarray((self.share - self.null)[:, self.varies])


class _MapSums:
    """Adds up the maps of one layer over appearances and over motions; memory holds sums, and no maps."""

    def __init__(self, appearances: int, motions: int) -> None:
        self.by_appearance: list[Tensor] = []  # (U, S) mean over motions, S positions
        self.by_motion: Tensor | None = None  # (M, U, S) sum over appearances
        self.square = 0.0
        self.appearances, self.motions = appearances, motions

    def add(self, maps: Tensor) -> None:
        """Add the maps (M, U, S) of one appearance with all motions, in float64."""
        self.by_appearance.append(maps.mean(0))
        self.by_motion = maps.clone() if self.by_motion is None else self.by_motion + maps
        self.square += float(maps.square().sum())

    def finish(self) -> tuple[Tensor, Tensor, float]:
        """Return the parts of appearance (P, U, S) and of motion (M, U, S), and the share that is left to interaction.

        The parts add up to the additive part of the maps.
        """
        assert self.by_motion is not None
        appearance, motion = torch.stack(self.by_appearance), self.by_motion / self.appearances
        mean = motion.mean(0)
        total = self.square - self.appearances * self.motions * float(mean.square().sum())
        main = self.motions * float((appearance - mean).square().sum())
        main += self.appearances * float((motion - mean).square().sum())
        cells = self.appearances * self.motions
        scale = cells / max(1, (self.appearances - 1) * (self.motions - 1))
        rounding = 1e-14 * self.square  # of the sums themselves
        return appearance - mean, motion, max(0.0, total - main - rounding) * scale / max(total, 1e-300)


def fusion_layers(network: Network) -> list[Layer]:
    """Return the layers of the network itself that come after the streams meet, classes last."""
    return [layer for layer in network.card.own_layers if layer.stream == "fusion"]


def measurable_layers(layers: Sequence[Layer], clips: int) -> list[Layer]:
    """Return the layers whose maps can be added up over this number of appearances and of motions."""
    return [layer for layer in layers if 2 * 8 * clips * layer.units * layer.map.positions <= MAX_MAP_BYTES]


def read_responses(
    tail: StreamTail, appearances: Sequence[ClipStreams], motions: Sequence[ClipStreams], layers: Sequence[Layer]
) -> dict[str, LayerResponses]:
    """Return the responses of the layers' units to every appearance with every motion.

    The class outputs are taken less their mean over classes, which no softmax sees.
    """
    network = tail.network
    names = {network.points[layer.name].path: layer.name for layer in layers}
    sums = {layer.name: _MapSums(len(appearances), len(motions)) for layer in layers}
    peaks: dict[str, list[Tensor]] = {layer.name: [] for layer in layers}
    rows = max(1, tail.batch_size(appearances[0]) // len(motions))
    for start in range(0, len(appearances), rows):
        block = appearances[start : start + rows]
        batches: dict[str, list[Tensor]] = {name: [] for name in sums}

        def note(path: str, output: Tensor, batches: dict[str, list[Tensor]] = batches) -> None:
            maps = as_map(output).flatten(2).cpu().double()
            batches[names[path]].append(maps - maps.mean(1, keepdim=True) if names[path] == CLASS_LAYER else maps)

        combined = [clip for clip in block for _ in motions]
        tail.run(combined, list(motions) * len(block), note, list(names))
        for name, parts in batches.items():
            maps = torch.cat(parts).reshape(len(block), len(motions), *parts[0].shape[1:])
            peaks[name].append(maps.amax(3).float())
            for of_clip in maps:
                sums[name].add(of_clip)
    return {name: _responses(torch.cat(peaks[name]), sums[name], network.points[name].rectified) for name in sums}


def _responses(peaks: Tensor, sums: _MapSums, rectified: bool) -> LayerResponses:
    appearance, motion, before = sums.finish()
    additive = torch.stack([(of_clip + motion).amax(2).float() for of_clip in appearance])
    if rectified:
        peaks, additive = peaks.relu(), additive.relu()
    return LayerResponses(peaks.numpy(), additive.numpy(), before)


def unit_shares(responses: LayerResponses, first: Floats, second: Floats) -> UnitShares:
    """Return the shares of a layer's units, for counts of appearances (B, P) and of motions (B, M).

    The first row of the counts is all ones.
    """
    units = responses.measured.shape[2]
    share, null = np.zeros((2, len(first), units), np.float32)
    varies = np.zeros(units, bool)
    for start in range(0, units, UNITS_AT_ONCE):
        chunk = slice(start, start + UNITS_AT_ONCE)
        y = responses.measured[:, :, chunk]
        measured = variance_components(y, first, second)
        additive = variance_components(responses.additive[:, :, chunk], first, second)
        share[:, chunk] = measured.share
        null[:, chunk] = np.where(additive.total > MIN_NULL_VARIANCE * measured.total, additive.share, 0)
        mean_square = np.square(y, dtype=np.float64).mean((0, 1))
        varies[chunk] = (measured.total[0] > MIN_VARIANCE * mean_square) & ((y != 0).mean((0, 1)) >= MIN_ACTIVE)
    return UnitShares(share, null, varies)


def summarize_layer(
    layer: Layer, responses: LayerResponses, trained: UnitShares, redrawn: Sequence[UnitShares], shuffled: float | None
) -> LayerInteraction | None:
    """Return what is known of a layer, None where none of its units varies."""
    count = int(trained.varies.sum())
    if not count:
        return None
    share, null = trained.share[:, trained.varies].mean(1), trained.null[:, trained.varies].mean(1)
    found = LayerInteraction(
        layer=layer.name,
        units=count,
        left_out=layer.units - count,
        before=responses.before,
        adds=responses.before < ADDS_BELOW,
        share=_interval(share),
        null=_interval(null),
        beyond=_interval(share - null),
        shuffled=shuffled,
    )
    controls = [each.beyond for each in redrawn if each.varies.any()]
    if not controls:
        return found
    above = (trained.beyond > _limits(controls)[:, None]).mean(1)
    return found.model_copy(
        update={
            "control": _interval(np.stack([each.mean(1) for each in controls]).mean(0)),
            "above": _interval(above),
            "p_value": max(
                one_sided_p_value(above[0] - (1 - CONTROL_QUANTILE), above[1:]),
                binomial_tail(round(float(above[0]) * count), count, 1 - CONTROL_QUANTILE),
            ),
        }
    )


def summarize_units(
    layer: Layer, trained: UnitShares, redrawn: Sequence[UnitShares]
) -> Mapping[UnitKey, UnitInteraction]:
    """Return what is known of the units of a layer that vary."""
    controls = [each.beyond[:1] for each in redrawn if each.varies.any()]
    limit = float(_limits(controls)[0]) if controls else None
    found = {}
    for unit in np.flatnonzero(trained.varies).tolist():
        beyond = float(trained.share[0, unit] - trained.null[0, unit])
        found[layer.name, unit] = UnitInteraction(
            share=_interval(trained.share[:, unit]),
            null=float(trained.null[0, unit]),
            exceeds_control=None if limit is None else beyond > limit,
        )
    return found


def binomial_tail(hits: int, trials: int, probability: float) -> float:
    """Return the probability of this many hits or more in independent trials."""
    log_probability, log_rest = math.log(probability), math.log1p(-probability)

    def log_of(k: int) -> float:
        ways = math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1)
        return ways + k * log_probability + (trials - k) * log_rest

    return min(1.0, sum(math.exp(log_of(k)) for k in range(hits, trials + 1)))


def _limits(controls: Sequence[Floats]) -> Floats:
    """Return what 95 % of the units of all controls (B, V) lie below, for each of B resamples: (B,)."""
    return np.asarray(np.quantile(np.concatenate(controls, 1), CONTROL_QUANTILE, axis=1))


def _interval(values: Floats) -> Interval:
    return make_interval(values[0], values[1:])
