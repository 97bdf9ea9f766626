"""Transfer: what a judge is shown of a stimulus, and how its answers are counted."""

import numpy as np
import pytest
import torch

from app.contract.errors import InvalidRequest, UnknownClass
from app.contract.network import StreamName
from worker.evidence.transfer import Stimulus, class_probabilities, transfer
from worker.networks.network import Network

APPEARANCE, MOTION = StreamName.APPEARANCE, StreamName.MOTION


def stimulus(seed: int, side: int = 32, frames: int = 3) -> Stimulus:
    rng = np.random.default_rng(seed)
    shapes = {APPEARANCE: (3, 1, side, side), MOTION: (2, frames, side, side)}
    return {name: rng.uniform(-1, 1, shape).astype(np.float32) for name, shape in shapes.items()}


def seen(network: Network, appearance: torch.Tensor, motion: torch.Tensor) -> torch.Tensor:
    return network.logits({APPEARANCE: appearance, MOTION: motion}).softmax(1)


def test_the_judge_sees_the_stimulus_in_its_own_layout(tiny_two_stream: Network) -> None:
    given = stimulus(0)
    appearance, motion = (torch.from_numpy(given[name])[None] for name in (APPEARANCE, MOTION))
    layers = [motion[:, axis, time] for time in range(3) for axis in range(2)]  # u1 v1 u2 v2 u3 v3
    expected = seen(tiny_two_stream, appearance[:, :, 0], torch.stack(layers, 1))
    torch.testing.assert_close(class_probabilities(tiny_two_stream, [given]), expected)


def test_a_stream_that_may_not_be_shown_is_grey(tiny_two_stream: Network) -> None:
    given = stimulus(0)
    grey = {APPEARANCE: given[APPEARANCE], MOTION: np.zeros_like(given[MOTION])}
    torch.testing.assert_close(
        class_probabilities(tiny_two_stream, [given], [APPEARANCE]), class_probabilities(tiny_two_stream, [grey])
    )
    torch.testing.assert_close(
        class_probabilities(tiny_two_stream, [given], [APPEARANCE]),
        class_probabilities(tiny_two_stream, [{APPEARANCE: given[APPEARANCE]}]),
    )


def test_transfer_is_the_share_that_is_classified_correctly(tiny_two_stream: Network) -> None:
    given = [stimulus(seed) for seed in range(4)]
    classes = tiny_two_stream.card.classes
    predicted = [classes[index] for index in class_probabilities(tiny_two_stream, given).argmax(1).tolist()]
    assert transfer(tiny_two_stream, given, predicted) == 1
    other = classes[(classes.index(predicted[0]) + 1) % len(classes)]
    assert transfer(tiny_two_stream, given, [other, *predicted[1:]]) == 0.75
    with pytest.raises(UnknownClass):
        transfer(tiny_two_stream, given[:1], ["flying"])


def test_a_larger_stimulus_moves_less_once_it_is_smaller(tiny_two_stream: Network) -> None:
    still = {APPEARANCE: np.zeros((3, 1, 64, 64), np.float32), MOTION: np.full((2, 3, 64, 64), 0.5, np.float32)}
    small = {APPEARANCE: np.zeros((3, 1, 32, 32), np.float32), MOTION: np.full((2, 3, 32, 32), 0.25, np.float32)}
    torch.testing.assert_close(
        class_probabilities(tiny_two_stream, [still]), class_probabilities(tiny_two_stream, [small])
    )


def test_a_stack_of_another_length_is_refused(tiny_two_stream: Network) -> None:
    with pytest.raises(InvalidRequest, match="2 frames"):
        class_probabilities(tiny_two_stream, [stimulus(0, frames=2)])
