"""Units that no ReLU follows are surveyed at both ends."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from app.contract.evidence import TOP_CLIPS_PER_UNIT
from tests.worker.survey.test_run import noise
from worker.evidence.activation_reader import LayerReading, reduce_map
from worker.evidence.checkpoint import SurveyCheckpoint
from worker.evidence.survey_evidence import bottom_clips, top_clips
from worker.networks.network import Network
from worker.networks.preprocessing import join_clips, make_inputs
from worker.survey.prefetch import Sample
from worker.survey.run import SurveyRun

CLIPS = 14
SIGNED, RECTIFIED = "conv3", "conv2"  # of the tiny clip network: conv3 and shortcut are summed before their ReLU


def test_the_extreme_clips_of_a_signed_layer_are_those_of_the_network(tiny_clip: Network, tmp_path: Path) -> None:
    card = tiny_clip.card
    assert [layer.name for layer in card.layers if layer.signed] == ["conv3", "shortcut"]
    samples = [Sample(f"clip {n}", card.classes[n % len(card.classes)], noise(n)) for n in range(CLIPS)]
    survey = SurveyRun(tiny_clip, "noise", samples, tmp_path, probed_layers=()).run()
    units = {(each.layer, each.unit): each for each in survey.units}
    inputs = join_clips([make_inputs(card, sample.read(8)) for sample in samples])
    maps = tiny_clip.activation(SIGNED, inputs).detach()
    peaks, troughs = maps.amax((2, 3, 4)).numpy(), maps.amin((2, 3, 4)).numpy()
    for unit in range(card.layer(SIGNED).units):
        evidence = units[SIGNED, unit]
        assert evidence.a_low == pytest.approx(float(troughs[:, unit].min()), abs=1e-5)
        lowest = np.argsort(troughs[:, unit])[:TOP_CLIPS_PER_UNIT]
        assert [each.clip for each in evidence.bottom_clips] == [f"clip {n}" for n in lowest]
        assert [each.activation for each in evidence.bottom_clips] == pytest.approx(troughs[lowest, unit], abs=1e-5)
        strongest = np.argsort(-peaks[:, unit])[:TOP_CLIPS_PER_UNIT]
        assert [each.clip for each in evidence.top_clips] == [f"clip {n}" for n in strongest]
        first = evidence.bottom_clips[0]
        assert first.trace == pytest.approx(maps[lowest[0], unit].amin((1, 2)).tolist(), abs=1e-5)
        frame = round(first.time * maps.shape[2] - 0.5)
        assert first.trace[frame] == min(first.trace)
    rectified = [each for key, each in units.items() if key[0] in (RECTIFIED, "class")]
    assert all((each.a_low, each.bottom_clips) == (None, ()) for each in rectified)
    assert all(top.activation > 0 for each in rectified for top in each.top_clips)


def readings(maps: Tensor) -> dict[str, LayerReading]:
    return {SIGNED: reduce_map(maps, rectified=False, signed=True)}


def test_the_extreme_clips_do_not_depend_on_how_clips_come_in_batches(tiny_clip: Network, tmp_path: Path) -> None:
    layer = tiny_clip.card.layer(SIGNED)
    size = (layer.map.frames, layer.map.height, layer.map.width)
    maps = torch.randn(30, layer.units, *size, generator=torch.Generator().manual_seed(0))
    found = []
    for name, batches in (("one", [30]), ("many", [1, 7, 2, 20]), ("stopped", [13, 17])):
        checkpoint, first = SurveyCheckpoint(tmp_path / name, tiny_clip.card, 30), 0
        for count in batches:
            checkpoint.add(range(first, first + count), readings(maps[first : first + count]))
            first += count
            checkpoint.save()
            if name == "stopped":
                checkpoint = SurveyCheckpoint(tmp_path / name, tiny_clip.card, 30)
        found.append(checkpoint.lowest[SIGNED].state_dict() | {"top": checkpoint.strongest[SIGNED].clip})
    for other in found[1:]:
        for tensor, expected in zip(other.values(), found[0].values(), strict=True):
            torch.testing.assert_close(tensor, expected, rtol=0, atol=0)


def test_a_unit_that_is_never_positive_has_strongest_clips_where_it_has_two_signs(
    tiny_clip: Network, tmp_path: Path
) -> None:
    checkpoint, names, whole = SurveyCheckpoint(tmp_path, tiny_clip.card, 3), ["a", "b", "c"], (1.0, 1.0)
    values = torch.tensor([-2.0, -1.0, -3.0])[:, None, None, None, None].expand(-1, 8, 4, 1, 1)
    checkpoint.add([0, 1, 2], readings(values))
    checkpoint.add([0, 1, 2], {RECTIFIED: reduce_map(values, rectified=True)})
    signed, rectified = tiny_clip.card.layer(SIGNED), tiny_clip.card.layer(RECTIFIED)
    raising, lowering = (clips(checkpoint, signed, 5, names, whole) for clips in (top_clips, bottom_clips))
    assert [(each.clip, each.activation) for each in raising] == [("b", -1), ("a", -2), ("c", -3)]
    assert [(each.clip, each.activation) for each in lowering] == [("c", -3), ("a", -2), ("b", -1)]
    assert (
        top_clips(checkpoint, rectified, 5, names, whole) == bottom_clips(checkpoint, rectified, 5, names, whole) == ()
    )
