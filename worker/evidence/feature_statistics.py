"""The means and variances of features over a survey's clips, which a prior of visualizations holds features to."""

from collections.abc import Mapping

import torch
from safetensors.torch import load, save

from app.contract.network import NetworkCard
from worker.evidence.checkpoint import SurveyCheckpoint
from worker.graph.bn_statistics import ChannelStatistics

MIN_VARIANCE_SHARE = 1e-2  # of the median variance of a layer's channels: a channel's variance counts as no less


def measure_statistics(checkpoint: SurveyCheckpoint, card: NetworkCard) -> Mapping[str, ChannelStatistics]:
    """Return the mean and the variance of each channel over all recorded clips and their positions, by layer.

    The layers are the card's `statistics_layers`; all clips weigh the same. A few channels of a residual stream vary a
    thousand times as much as the others, hence the median, not the mean, says what is too small a variance.
    """
    clips = len(checkpoint.recorded)
    statistics: dict[str, ChannelStatistics] = {}
    for layer in card.statistics_layers:
        mean, square = checkpoint.sums[layer.name] / (clips * layer.map.positions)
        variance = (square - mean.square()).clamp_min(0)
        smallest = max(MIN_VARIANCE_SHARE * float(variance.median()), torch.finfo(torch.float32).tiny)
        statistics[layer.name] = ChannelStatistics(mean.float(), variance.clamp_min(smallest).float())
    return statistics


def pack_statistics(statistics: Mapping[str, ChannelStatistics]) -> bytes:
    """Return statistics as safetensors: a matrix (2, C) of means and variances for each layer, under its name."""
    return save({layer: torch.stack([each.mean, each.variance]) for layer, each in statistics.items()})


def unpack_statistics(data: bytes) -> Mapping[str, ChannelStatistics]:
    """Return the statistics that `pack_statistics` made these bytes of."""
    return {layer: ChannelStatistics(*matrix) for layer, matrix in load(data).items()}
