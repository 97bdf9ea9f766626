import torch
from torch import nn

from app.contract.network import StreamName
from worker.networks.families.two_stream import MOTION_BOUND, Normalise, two_stream
from worker.networks.network import Network
from worker.networks.registry import find_family


def inputs(size: int, flows: int, seed: int = 0) -> dict[StreamName, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        StreamName.APPEARANCE: torch.rand(1, 3, size, size, generator=generator) * 2 - 1,
        StreamName.MOTION: torch.rand(1, 2 * flows, size, size, generator=generator) * 2 - 1,
    }


def test_standard_units_become_the_weights_own() -> None:
    grey = Normalise((0.5, 0.0, -0.5), 127.5)(torch.zeros(1, 3, 2, 2))
    assert grey[0, :, 0, 0].tolist() == [-63.75, 0.0, 63.75]
    with torch.device("meta"):
        module = find_family("vgg16_two_stream").build(101)
    assert not [name for name in module.state_dict() if "normalise" in name]
    assert {"appearance.conv1_1.weight", "motion.conv5_3.bias", "fusion.conv5.weight", "fc7.bias"} <= set(
        module.state_dict()
    )


def test_vgg16_has_its_shapes() -> None:
    with torch.device("meta"):
        state = find_family("vgg16_two_stream").build(101).state_dict()
    assert state["motion.conv1_1.weight"].shape == (64, 20, 3, 3)
    assert state["fusion.conv5.weight"].shape == (512, 1024, 3, 3)
    assert state["fc6.weight"].shape == (4096, 512 * 7 * 7)
    assert state["scores.weight"].shape == (101, 4096)


def test_the_small_network_runs_on_112_pixels() -> None:
    module = two_stream(20).eval()
    assert 2.6e6 < sum(parameter.numel() for parameter in module.parameters()) < 2.8e6
    assert module(inputs(112, 10)).shape == (1, 20)


def test_the_fusion_sees_both_streams_side_by_side(tiny_two_stream: Network) -> None:
    clip = inputs(32, 3)
    streams = [
        nn.functional.relu(tiny_two_stream.activation(f"{name}.conv5_1", clip))[:, :, 0]
        for name in ("appearance", "motion")
    ]
    convolution = tiny_two_stream.module.get_submodule("fusion.conv5")
    assert isinstance(convolution, nn.Conv2d)
    expected = nn.functional.conv2d(torch.cat(streams, 1), convolution.weight, convolution.bias, padding=1)
    torch.testing.assert_close(tiny_two_stream.activation("fusion.conv5", clip)[:, :, 0], expected)


def test_logits_depend_on_both_streams(tiny_two_stream: Network) -> None:
    clip, other = inputs(32, 3), inputs(32, 3, seed=1)
    logits = tiny_two_stream.logits(clip)
    for name in clip:
        assert not torch.allclose(tiny_two_stream.logits(clip | {name: other[name]}), logits)


def test_no_dropout_once_loaded(tiny_two_stream: Network) -> None:
    clip = inputs(32, 3)
    assert torch.equal(tiny_two_stream.logits(clip), tiny_two_stream.logits(clip))


def test_motion_is_bounded_to_six_pixels() -> None:
    appearance, motion = find_family("vgg16_two_stream").streams
    assert (appearance.bound, motion.bound * 20) == (1.0, 6.0)
    assert motion.bound == MOTION_BOUND
