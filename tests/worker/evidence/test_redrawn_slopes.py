"""Weights drawn anew, whose units are positive as often as the network's, are a control that can have any slope."""

import numpy as np
import torch

from tests.worker.evidence.inputs import random_inputs
from worker.evidence.motion_grid import gain_changes
from worker.evidence.playback import MotionChange
from worker.evidence.redrawn_slopes import (
    count_calibration_passes,
    join_networks,
    rectified_paths,
    redraw_networks,
    redrawn_slopes,
    slope_readers,
)
from worker.networks.network import Network


def test_units_are_positive_as_often_as_their_namesakes(tiny_two_stream: Network) -> None:
    several = random_inputs(tiny_two_stream, 6)
    clips = [{name: x[number : number + 1] for name, x in several.items()} for number in range(6)]
    redrawn = redraw_networks(tiny_two_stream, clips)
    assert len(redrawn) == 3
    paths = rectified_paths(tiny_two_stream)
    assert count_calibration_passes(tiny_two_stream) == len(paths) * 4 // 2 * 16
    for layer in ("motion.conv1_1", "fusion.conv5", "fc7"):
        expected, found, other = (
            torch.stack([network.activation(layer, clip) > 0 for clip in clips]).double().mean((0, 1, 3, 4, 5))
            for network in (tiny_two_stream, *redrawn[:2])
        )
        torch.testing.assert_close(found, expected, atol=0.17, rtol=0)
        torch.testing.assert_close(other, expected, atol=0.17, rtol=0)
    assert not torch.equal(redrawn[0].logits(clips[0]), redrawn[1].logits(clips[0]))


def test_slopes_are_those_of_the_strongest_clips_and_draws_of_any_network(tiny_two_stream: Network) -> None:
    """Peaks that are linear in the gain have slope 1, those of the square root half of it."""
    ends = ("motion.conv1_1", "fc7")
    readers = slope_readers([tiny_two_stream, tiny_two_stream], ends, range(4))
    changes = gain_changes(tiny_two_stream.card)
    assert MotionChange() in changes
    for reader, power in zip(readers, (1.0, 0.5), strict=True):
        units = sum(tiny_two_stream.card.layer(end).units for end in ends)
        for change in changes:
            peaks = np.full(units, 1 + change.gain**power)
            reader.peaks.layers[change] = dict.fromkeys(range(4), peaks)
    gains = tuple(sorted(change.gain for change in changes if change.gain))
    found = redrawn_slopes(readers, ends, gains, np.ones((20, 4)))
    assert [first[0] for first, _ in found] == [1, 0.5]
    joined = join_networks(found, np.random.default_rng(0))
    assert joined is not None
    assert joined[1][0] == 0.75
    assert set(joined[1][1].round(6).tolist()) == {1, 0.5}
    assert join_networks([], np.random.default_rng(0)) is None
