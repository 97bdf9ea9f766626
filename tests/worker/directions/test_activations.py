"""The positions that directions are learned from."""

import numpy as np
import pytest
import torch

from app.contract.errors import InvalidRequest, VideoError
from worker.directions.activations import crop_margin, sample_activations, split_clips
from worker.networks.network import Network
from worker.networks.preprocessing import make_inputs
from worker.survey.prefetch import Sample
from worker.video.flow import Frames


def unreadable(count: int) -> Frames:
    raise VideoError("The clip is damaged.")


def test_positions_are_drawn_evenly_and_are_the_network_s_own(tiny_clip: Network, samples: list[Sample]) -> None:
    damaged = [samples[0], Sample("damaged", "class 0", unreadable), *samples[1:]]
    sample = sample_activations(tiny_clip, "conv2", damaged, positions=110, seed=1)
    assert np.bincount(sample.clips).tolist() == [10] * 10
    assert sample.skipped == ("damaged: The clip is damaged.",)
    assert sample.names == tuple(each.name for each in samples)
    whole = tiny_clip.activation("conv2", make_inputs(tiny_clip.card, samples[3].read(8))).relu()[0]
    positions = whole.flatten(1).T.numpy()
    for row in sample.of_clips(np.array([3])):
        assert np.abs(positions - row).max(1).min() < 1e-5
    assert sample.means[3] == pytest.approx(positions.mean(0), abs=1e-5)
    again = sample_activations(tiny_clip, "conv2", damaged, positions=110, seed=1)
    assert np.array_equal(sample.rows, again.rows)


def test_a_margin_leaves_out_the_ends_of_the_map() -> None:
    maps = torch.arange(5 * 6 * 2).reshape(1, 1, 5, 6, 2)
    assert torch.equal(crop_margin(maps, 1), maps[:, :, 1:4, 1:5])  # two columns are too few to crop
    assert torch.equal(crop_margin(maps, 0), maps)
    with pytest.raises(InvalidRequest, match="leaves nothing of a map of 5 x 6 x 2"):
        crop_margin(maps, 3)


def test_one_clip_is_too_few(tiny_clip: Network, samples: list[Sample]) -> None:
    with pytest.raises(InvalidRequest, match="two clips or more, and 1 can be read here"):
        sample_activations(tiny_clip, "conv2", samples[:1])


def test_a_fifth_of_the_clips_or_of_every_group_is_held_out() -> None:
    learned, held = split_clips(10, 0)
    assert (len(learned), len(held)) == (8, 2)
    assert sorted([*learned, *held]) == list(range(10))
    groups = ["a"] * 10 + ["b"] * 2
    learned, held = split_clips(12, 0, groups)
    assert [groups[clip] for clip in held] == ["a", "a", "b"]
