from pathlib import Path

import pytest
import torch
from torch import nn

from app.contract.network import Extent, StreamName
from worker.evidence.predict import predict
from worker.networks.families.i3d import I3D, Mixed, max_pool, same_padding
from worker.networks.load import describe_network, load_network
from worker.networks.network import Network


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "before", "after"),
    [
        (224, 7, 2, 2, 3),  # as TensorFlow pads: the odd one behind
        (225, 7, 2, 3, 3),
        (112, 3, 2, 0, 1),
        (7, 3, 2, 1, 1),
        (7, 2, 2, 0, 1),
        (8, 2, 2, 0, 0),
        (8, 1, 2, 0, 0),
        (5, 3, 1, 1, 1),
    ],
)
def test_same_padding(size: int, kernel: int, stride: int, before: int, after: int) -> None:
    padding, explicit = same_padding(torch.Size((1, 1, size, size, size)), (kernel,) * 3, (stride,) * 3)
    if before == after:
        assert (padding, explicit) == ((before,) * 3, [])
    else:
        assert (padding, explicit) == ((0,) * 3, [before, after] * 3)
    x = torch.rand(1, 1, size, size, size)
    assert max_pool(x, (kernel,) * 3, (stride,) * 3).shape[2:] == (-(-size // stride),) * 3


def test_branches_rectified_together_are_the_same_function() -> None:
    torch.manual_seed(0)
    mixed = Mixed(6, (4, 3, 5, 2, 3, 2)).eval()
    x = torch.rand(1, 6, 4, 6, 6)
    rectified = [
        nn.functional.relu(mixed.b0(x)),
        nn.functional.relu(mixed.b1b(nn.functional.relu(mixed.b1a(x)))),
        nn.functional.relu(mixed.b2b(nn.functional.relu(mixed.b2a(x)))),
        nn.functional.relu(mixed.b3b(nn.functional.max_pool3d(x, 3, 1, 1))),
    ]
    torch.testing.assert_close(mixed(x), torch.cat(rectified, 1))


@pytest.mark.parametrize("size", [(64, 224, 224), (16, 160, 160), (1, 32, 32), (9, 300, 180)])
def test_takes_clips_of_any_size(size: tuple[int, int, int]) -> None:
    with torch.device("meta"):
        assert I3D(7).eval()({StreamName.CLIP: torch.empty(2, 3, *size)}).shape == (2, 7)


@pytest.fixture(scope="module")
def kinetics(test_data: Path) -> Network:
    weights = test_data / "weights" / "i3d_rgb_kinetics400.pt"
    labels = test_data / "weights" / "kinetics400_labels.txt"
    card = describe_network(family="i3d", weights=weights, labels=labels)
    return load_network(card, weights.read_bytes())


def test_the_card(kinetics: Network) -> None:
    card = kinetics.card
    assert [layer.name for layer in card.layers[:4]] == ["Conv3d_1a_7x7", "Conv3d_2b_1x1", "Conv3d_2c_3x3", "Mixed_3b"]
    assert [layer.name for layer in card.layers[-2:]] == ["Mixed_5c", "class"]
    assert (card.layer("Mixed_5c").units, card.layer("class").units) == (1024, 400)
    assert card.layer("Mixed_5c").map == Extent(frames=8, height=7, width=7)
    assert card.layer("Mixed_3b").receptive_field == Extent(frames=15, height=43, width=43)
    assert card.parameters == 12_697_264
    assert card.classes[card.class_index("juggling soccer ball")] == "juggling soccer ball"
    assert card.stimulus == Extent(frames=16, height=160, width=160)


def test_activations_have_both_signs(kinetics: Network) -> None:
    clip = torch.rand(1, 3, 8, 32, 32) * 2 - 1
    for layer in ("Conv3d_1a_7x7", "Mixed_4c"):
        activation = kinetics.activation(layer, {StreamName.CLIP: clip})
        assert activation.min() < 0 < activation.max()


# top-1 and its probability, as the clips' own page states them: one that is certain, and those that are not, which tell
# more of a network; a GIF is explained in tests/worker/tasks/test_explain_real.py
ANSWERS = {
    "demo.mp4": ("arm wrestling", 1.0),
    "V_174.mp4": ("high kick", 0.48),
    "v_SoccerJuggling_g23_c01.avi": ("juggling soccer ball", 0.999),
    "hmdb51_Turnk_r_Pippi_Michel_cartwheel_f_cm_np2_le_med_6.avi": ("cartwheeling", 0.82),
}


@pytest.mark.slow
@pytest.mark.parametrize("clip", ANSWERS)
def test_knows_real_clips(clip: str, kinetics: Network, test_data: Path) -> None:
    ((label, probability),) = predict(kinetics, test_data / "clips" / clip, count=1)
    assert label == ANSWERS[clip][0]
    assert probability == pytest.approx(ANSWERS[clip][1], abs=0.02)
