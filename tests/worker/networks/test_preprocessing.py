from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save

from app.contract.network import NetworkCard, StreamName
from worker.mocap.dataset.shards import Clips
from worker.mocap.training.batches import evaluation_batches
from worker.networks.load import make_card
from worker.networks.network import Network
from worker.networks.preprocessing import (
    clip_format,
    clips_per_batch,
    join_clips,
    make_inputs,
    middle_frames,
    read_frames,
)
from worker.networks.registry import find_family
from worker.video.decode import read_clip
from worker.video.flow import FARNEBACK, Frames, dis_flow, downscale_flow, downscale_frames, quantise


def card_of(name: str) -> NetworkCard:
    family = find_family(name)
    torch.manual_seed(0)
    state = family.build(len(family.labels)).state_dict()
    return make_card(family, save(state), family.labels)


def moving(frames: int, side: int) -> Frames:
    """Draw a textured square that moves two pixels a frame to the right."""
    rng = np.random.default_rng(0)
    pictures = np.full((frames, side, side, 3), 90, np.uint8)
    texture = rng.integers(0, 255, (side // 3, side // 3, 3), np.uint8)
    for index, picture in enumerate(pictures):
        left = side // 4 + 2 * index
        part = texture[:, : side - left]
        picture[side // 3 : side // 3 + len(texture), left : left + part.shape[1]] = part
    return pictures


def test_the_default_network_sees_a_clip_exactly_as_in_its_training() -> None:
    frames = moving(11, 240)
    flow = quantise(downscale_flow(dis_flow(frames)))
    kept = Clips(
        downscale_frames(frames[5, None]).transpose(0, 3, 1, 2),
        flow.transpose(0, 3, 1, 2).reshape(1, 20, 120, 120),
        np.zeros(1, np.int64),
        np.zeros(1, np.bool_),
    )
    (expected,) = evaluation_batches(kept)
    actual = make_inputs(card_of("mocap_two_stream"), frames)
    assert actual.keys() == expected.inputs.keys()
    for name, values in actual.items():
        torch.testing.assert_close(values, expected.inputs[name].contiguous(), atol=1e-6, rtol=0)


def test_longer_clips_give_their_middle_shorter_ones_start_again() -> None:
    frames = np.arange(7)[:, None, None, None].astype(np.uint8)
    assert middle_frames(frames, 3).ravel().tolist() == [2, 3, 4]
    assert middle_frames(frames, 7).ravel().tolist() == list(range(7))
    assert middle_frames(frames[:3], 7).ravel().tolist() == [0, 1, 2, 0, 1, 2, 0]


def test_motion_has_the_pixels_of_the_networks_own_size(tiny_two_stream: Network) -> None:
    wanted = clip_format(tiny_two_stream.card)
    assert (wanted.frames, wanted.size) == (4, (68, 68))  # 15/14 of 32, twice as fine
    inputs = make_inputs(tiny_two_stream.card, moving(4, 68))
    assert inputs[StreamName.APPEARANCE].shape == (1, 3, 32, 32)
    assert inputs[StreamName.MOTION].shape == (1, 6, 32, 32)
    u = inputs[StreamName.MOTION][0, 0::2] * 20
    assert u[:, 10:18, 10:18].median() == pytest.approx(1, abs=0.2)  # two pixels of the finer picture
    assert inputs[StreamName.MOTION][0, 1::2].abs().median() < 0.01


def test_frames_of_another_size_are_scaled(tiny_two_stream: Network, tiny_clip: Network) -> None:
    for network in (tiny_two_stream, tiny_clip):
        expected = {name: values.shape for name, values in make_inputs(network.card, moving(9, 68)).items()}
        actual = make_inputs(network.card, moving(3, 240))
        assert {name: values.shape for name, values in actual.items()} == expected
        network.logits(actual)


def test_clips_are_cropped_from_eight_sevenths(tiny_clip: Network) -> None:
    wanted = clip_format(tiny_clip.card)
    assert (wanted.frames, wanted.size, wanted.downscale) == (8, (36, 36), 1)
    frames = moving(8, 36)
    values = make_inputs(tiny_clip.card, frames)[StreamName.CLIP][0]
    assert torch.equal(values, torch.from_numpy(frames[:, 2:34, 2:34]).permute(3, 0, 1, 2).float() / 127.5 - 1)


def test_a_family_may_state_its_own_rule() -> None:
    wanted = clip_format(card_of("flow_gated"))
    assert (wanted.frames, wanted.size, wanted.downscale, wanted.flow) == (65, (224, 224), 1, FARNEBACK)


def test_i3d_is_evaluated_as_published(test_data: Path) -> None:
    """The short side has 256 pixels; the network sees the 224 in the middle."""
    clip = test_data / "clips" / "v_SoccerJuggling_g23_c01.avi"
    family = find_family("i3d")
    wanted = clip_format(card_of("i3d"))
    assert (wanted.frames, wanted.size) == (family.streams[0].frames, (256, 256))
    whole = read_frames(card_of("i3d"), clip)
    assert np.array_equal(whole[:, 16:240, 16:240], read_clip(clip, frames=64, short_side=256, crop=224))


def test_batches_are_as_large_as_memory_allows(tiny_clip: Network) -> None:
    assert clips_per_batch(tiny_clip.card) == 16
    assert clips_per_batch(card_of("i3d")) == 1
    clip = make_inputs(tiny_clip.card, moving(8, 36))
    assert join_clips([clip, clip])[StreamName.CLIP].shape == (2, 3, 8, 32, 32)
