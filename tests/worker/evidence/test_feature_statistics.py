"""Means and variances of features over the clips of a survey, from sums that are kept clip by clip."""

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from app.contract.network import Extent, NetworkCard
from worker.evidence.activation_reader import LayerReading, channel_sums, read_activations, reduce_map
from worker.evidence.checkpoint import SurveyCheckpoint
from worker.evidence.feature_statistics import (
    MIN_VARIANCE_SHARE,
    measure_statistics,
    pack_statistics,
    unpack_statistics,
)
from worker.networks.network import Network
from worker.networks.trace import zero_inputs

LAYER, CLIPS, SIZE = "conv3", 30, (4, 3, 5)


def card_of(network: Network) -> NetworkCard:
    """Return the card of a network without batch normalisation that has one layer to measure, of two signs."""
    size = Extent(frames=SIZE[0], height=SIZE[1], width=SIZE[2])
    layers = (each.model_copy(update={"map": size, "signed": each.name == LAYER}) for each in network.card.layers)
    return network.card.model_copy(update={"normalised": False, "layers": tuple(layers)})


def readings(maps: Tensor) -> dict[str, LayerReading]:
    return {LAYER: replace(reduce_map(maps, rectified=False, signed=True), sums=channel_sums(maps))}


def recorded(folder: Path, card: NetworkCard, maps: Tensor, batches: list[int], *, stops: bool) -> SurveyCheckpoint:
    checkpoint, first = SurveyCheckpoint(folder, card, len(maps)), 0
    for count in batches:
        checkpoint.add(range(first, first + count), readings(maps[first : first + count]))
        first += count
        checkpoint.clips_done = first
        checkpoint.save()
        if stops:
            checkpoint = SurveyCheckpoint(folder, card, len(maps))
    return checkpoint


def test_they_are_those_of_all_clips_to_the_bit_however_clips_come_in_batches(
    tiny_clip: Network, tmp_path: Path
) -> None:
    card = card_of(tiny_clip)
    channels = card.layer(LAYER).units
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(CLIPS, channels, *SIZE, generator=generator) + 100 * torch.arange(channels).view(-1, 1, 1, 1)
    found = []
    for name, batches in (("one", [30]), ("many", [1, 7, 2, 20]), ("stopped", [13, 17])):
        checkpoint = recorded(tmp_path / name, card, maps, batches, stops=name == "stopped")
        found.append(pack_statistics(measure_statistics(checkpoint, card)))
    assert found[0] == found[1] == found[2]
    (statistics,) = unpack_statistics(found[0]).values()
    variance, mean = torch.var_mean(maps.double(), (0, 2, 3, 4), correction=0)
    torch.testing.assert_close(statistics.mean, mean.float(), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(statistics.variance, variance.float(), rtol=1e-6, atol=0)  # of means up to 700


def test_a_channel_that_hardly_varies_counts_as_varying_a_little(tiny_clip: Network, tmp_path: Path) -> None:
    card = card_of(tiny_clip)
    maps = torch.randn(CLIPS, card.layer(LAYER).units, *SIZE, generator=torch.Generator().manual_seed(1))
    maps[:, 0], maps[:, 1] = 5.0, 1000 * maps[:, 1]
    checkpoint = recorded(tmp_path, card, maps, [CLIPS], stops=False)
    variance = measure_statistics(checkpoint, card)[LAYER].variance
    torch.testing.assert_close(variance[0], MIN_VARIANCE_SHARE * variance.median())
    assert variance[1] > 1e5 * variance.median()  # of no matter to the others


def test_the_reader_sums_the_layers_that_are_wanted_and_no_others(tiny_clip: Network) -> None:
    blank = zero_inputs(tiny_clip.card.streams, 2, torch.device("cpu"))
    inputs = {
        name: torch.rand(zeros.shape, generator=torch.Generator().manual_seed(0)) for name, zeros in blank.items()
    }
    with read_activations(tiny_clip, summed=[LAYER]) as read:
        found = read(inputs)
    assert [name for name, reading in found.items() if reading.sums is not None] == [LAYER]
    maps = tiny_clip.activation(LAYER, inputs).detach().double()
    expected = torch.stack([maps.sum((2, 3, 4)), maps.square().sum((2, 3, 4))], 1)
    torch.testing.assert_close(found[LAYER].sums, expected, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(channel_sums(torch.tensor([[2.0, 3.0]])).tolist(), [[[2.0, 3.0], [4.0, 9.0]]])
