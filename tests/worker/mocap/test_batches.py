import numpy as np
import pytest
import torch

from app.contract.network import StreamName
from worker.mocap.dataset.shards import Clips
from worker.mocap.training.adversarial import adversarial_examples
from worker.mocap.training.batches import CROP_SIDE, Inputs, evaluation_batches, make_batch, training_batches

CORNER = np.array([[3, 5]])
ONE = np.array([2])


def test_values_are_in_standard_units(eight_clips: Clips) -> None:
    batch = next(evaluation_batches(eight_clips))
    appearance, motion = batch.inputs[StreamName.APPEARANCE], batch.inputs[StreamName.MOTION]
    assert appearance.shape == (8, 3, CROP_SIDE, CROP_SIDE)
    assert motion.shape == (8, 20, CROP_SIDE, CROP_SIDE)
    assert -1 <= appearance.min() < -0.2
    assert 0.2 < appearance.max() <= 1
    assert motion.abs().max() <= 1
    assert batch.labels.tolist() == eight_clips.labels.tolist()


def test_a_mirrored_clip_moves_the_other_way(eight_clips: Clips) -> None:
    plain = make_batch(eight_clips, ONE, CORNER, np.array([False])).inputs
    mirrored = make_batch(eight_clips, ONE, CORNER, np.array([True])).inputs
    assert torch.equal(mirrored[StreamName.APPEARANCE], plain[StreamName.APPEARANCE].flip(-1))
    flipped = plain[StreamName.MOTION].flip(-1)
    assert torch.allclose(mirrored[StreamName.MOTION][:, 0::2], -flipped[:, 0::2], atol=1e-6)
    assert torch.equal(mirrored[StreamName.MOTION][:, 1::2], flipped[:, 1::2])


def test_an_epoch_shows_every_clip_once_in_an_order_of_its_own(eight_clips: Clips) -> None:
    def labels(epoch: int, first: int = 0) -> list[int]:
        batches = training_batches(eight_clips, size=3, seed=0, epoch=epoch, first=first)
        return [label for batch in batches for label in batch.labels.tolist()]

    assert sorted(labels(0)) == sorted(eight_clips.labels.tolist())
    assert labels(0) == labels(0)
    assert labels(0) != labels(1)
    assert labels(0, first=1) == labels(0)[3:]


@pytest.mark.parametrize("steps", [1, 3])
def test_an_attack_goes_uphill_and_no_farther_than_it_says(steps: int) -> None:
    inputs = {StreamName.APPEARANCE: torch.zeros(2, 3, 4, 4), StreamName.MOTION: torch.zeros(2, 20, 4, 4)}
    uphill = {name: torch.randn(values.shape) for name, values in inputs.items()}

    def loss(moved: Inputs) -> torch.Tensor:
        return torch.stack([(values * uphill[name]).sum() for name, values in moved.items()]).sum()

    epsilon = {StreamName.APPEARANCE: 0.5, StreamName.MOTION: 0.25}
    moved = adversarial_examples(inputs, loss, epsilon, steps)
    for name, values in moved.items():
        assert values.flatten(1).norm(dim=1) == pytest.approx([epsilon[name]] * 2)
        assert ((values * uphill[name]).flatten(1).sum(1) > 0).all()
    far = adversarial_examples(inputs, loss, dict.fromkeys(inputs, 1e3), steps)
    assert max(float(values.abs().max()) for values in far.values()) == 1
