import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from app.contract.network import StreamName
from worker.evidence.tuning import (
    DIRECTION_DEGREES,
    direction_selectivity,
    direction_tuning,
    replay_at_speed,
    speed_tuning,
    tuning_width,
    turn_motion,
)

CURVES = st.lists(st.floats(0, 1), min_size=5, max_size=5).filter(lambda curve: max(curve) > 0.01)


@pytest.mark.parametrize(
    ("curve", "width"),
    [
        ([1, 1, 1, 1, 1], 4),
        ([0, 0, 1, 0, 0], 1),  # half of the way to either side
        ([0, 0.5, 1, 0.5, 0], 2),
        ([1 / 16, 1 / 8, 1 / 4, 1 / 2, 1], 1),
        ([1, 0, 0, 0, 1], 0.5),  # nothing beyond a gap counts
    ],
)
def test_tuning_width_in_closed_cases(curve: list[float], width: float) -> None:
    assert tuning_width(curve) == pytest.approx(width)


@settings(deadline=None)
@given(CURVES)
def test_tuning_width_lies_within_the_factors_and_ignores_the_height(curve: list[float]) -> None:
    width = tuning_width(curve)
    assert 0 < width <= 4
    assert tuning_width([3 * value for value in curve]) == pytest.approx(width)


def test_selectivity_in_closed_cases() -> None:
    assert direction_selectivity([1] * 8) == pytest.approx(0, abs=1e-12)
    assert direction_selectivity([0, 0, 1, 0, 0, 0, 0, 0]) == pytest.approx(1)
    assert direction_selectivity([1, 0, 0, 0, 1, 0, 0, 0]) == pytest.approx(0, abs=1e-12)  # opposite directions
    cosine = [1 + math.cos(math.radians(degrees)) for degrees in DIRECTION_DEGREES]
    assert direction_selectivity(cosine) == pytest.approx(0.5)


def test_curves_are_shares_of_their_largest() -> None:
    speed = speed_tuning({0.5: -1, 1.0: 2, 2.0: 4})
    assert speed is not None
    assert (speed.factors, speed.responses) == ((0.5, 1, 2), (0, 0.5, 1))
    assert speed_tuning({0.5: -1, 1.0: 0}) is None
    assert direction_tuning(dict.fromkeys(DIRECTION_DEGREES, 0.0)) is None


def flow(fields: int, side: int = 4) -> torch.Tensor:
    """Return flow whose field t moves t px to the right and 1 px down, in px / 20."""
    motion = torch.zeros(1, fields, 2, side, side)
    motion[:, :, 0] = torch.arange(fields)[:, None, None] / 20
    motion[:, :, 1] = 1 / 20
    return motion.flatten(1, 2)


def px(motion: torch.Tensor) -> torch.Tensor:
    """Return the flow at one position in px a frame, (T, 2)."""
    return motion[0, :, 0, 0].view(-1, 2) * 20


def test_replayed_flow_is_stretched_in_time_and_scaled() -> None:
    inputs = {StreamName.MOTION: flow(5), StreamName.APPEARANCE: torch.rand(1, 3, 4, 4)}
    slow = replay_at_speed(inputs, 0.5)
    assert px(slow[StreamName.MOTION])[:, 0].tolist() == pytest.approx([0.5, 0.75, 1, 1.25, 1.5])
    assert px(slow[StreamName.MOTION])[:, 1].tolist() == pytest.approx([0.5] * 5)
    fast = replay_at_speed(inputs, 2)
    assert px(fast[StreamName.MOTION])[:, 0].tolist() == pytest.approx([6, 0, 4, 8, 2])  # starts again
    assert slow[StreamName.APPEARANCE] is inputs[StreamName.APPEARANCE]
    assert torch.equal(replay_at_speed(inputs, 1)[StreamName.MOTION], inputs[StreamName.MOTION])


def test_replayed_clips_show_other_moments() -> None:
    clip = torch.arange(5.0).view(1, 1, 5, 1, 1).expand(1, 3, 5, 2, 2)
    actual = replay_at_speed({StreamName.CLIP: clip}, 0.5)[StreamName.CLIP]
    assert actual[0, 0, :, 0, 0].tolist() == pytest.approx([1, 1.5, 2, 2.5, 3])


def test_turned_flow_turns_its_vectors_in_their_places() -> None:
    motion = torch.zeros(1, 2, 3, 3)
    motion[0, 0, 0, 1] = 1  # to the right, in the middle of the upper row
    quarter = turn_motion({StreamName.MOTION: motion}, 90)[StreamName.MOTION]
    assert quarter[0, :, 0, 1].tolist() == pytest.approx([0, 1], abs=1e-6)  # down
    assert quarter.count_nonzero() == 2 or quarter[0, 1].count_nonzero() == 1
    whole = turn_motion({StreamName.MOTION: quarter}, 270)[StreamName.MOTION]
    torch.testing.assert_close(whole, motion, atol=1e-6, rtol=0)


def test_turned_clips_turn_their_frames_the_same_way() -> None:
    clip = torch.zeros(1, 3, 2, 5, 5)
    clip[:, :, 0, 2, 2], clip[:, :, 1, 2, 3] = 1, 1  # a dot moves to the right
    actual = turn_motion({StreamName.CLIP: clip}, 90)[StreamName.CLIP]
    assert actual[0, 0, 0, 2, 2] == pytest.approx(1, abs=1e-5)
    assert actual[0, 0, 1, 3, 2] == pytest.approx(1, abs=1e-5)  # down
