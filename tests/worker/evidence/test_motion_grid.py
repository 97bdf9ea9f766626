"""Units that depend on motion in known ways have the slopes, rates and shares that were planted."""

from collections.abc import Iterator

import numpy as np
import pytest

from app.contract.invariance import MotionTuning
from app.contract.network import StreamName
from tests.worker.evidence.planted_motion import (
    FIELDS,
    IGNORES,
    LINEAR,
    RATE_TUNED,
    ROOT,
    oscillating,
    planted_network,
)
from worker.evidence.gratings import DIRECTIONS, grating_responses, grating_tuning, gratings
from worker.evidence.motion_grid import GAINS, ChangedClips, PeaksReader, grid_changes, read_changed_peaks
from worker.evidence.motion_tuning import gain_slope, grid_responses, rate_width, usable_gains
from worker.evidence.playback import STILL, UNCHANGED, MotionChange, Playback, frames_at_rate, speed_change
from worker.evidence.unit_motion import layer_curves, unit_tunings
from worker.networks.network import Network
from worker.networks.preprocessing import make_inputs

CLIPS = {0: oscillating(40, 0.5), 1: oscillating(40, 0.3), 2: oscillating(40, 0.4), 3: oscillating(12, 0.6)}


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with planted_network() as network:
        yield network


@pytest.fixture(scope="module")
def layer(network: Network) -> str:
    return next(layer.name for layer in network.card.layers if layer.units == 4)


@pytest.fixture(scope="module")
def tunings(network: Network, layer: str) -> dict[int, MotionTuning]:
    strongest = {layer: np.tile(np.arange(4), (4, 1))}
    clips = ChangedClips(dict.fromkeys(CLIPS, grid_changes(network.card)), {})
    reader = PeaksReader(network, strongest, clips)
    playbacks = ((number, Playback(network.card, frames)) for number, frames in CLIPS.items())
    too_short = read_changed_peaks([reader], playbacks)
    assert {rate: len(numbers) for rate, numbers in too_short.items()} == {2.0: 1, 4.0: 1}
    responses = grid_responses(reader.peaks, layer, strongest[layer])
    curves = layer_curves(responses, GAINS, np.ones((5, 4)))
    return unit_tunings(curves, GAINS, np.arange(4), None, np.random.default_rng(0))


def slope(tuning: MotionTuning) -> float:
    assert tuning.gain_slope is not None
    return tuning.gain_slope.value


def test_a_linear_unit_has_slope_1(tunings: dict[int, MotionTuning]) -> None:
    assert slope(tunings[LINEAR]) == pytest.approx(1, abs=0.01)
    assert tunings[LINEAR].motion_share == 1
    assert tunings[LINEAR].slope_groups == 4


def test_a_compressing_unit_has_a_slope_between_0_and_1(tunings: dict[int, MotionTuning]) -> None:
    assert slope(tunings[ROOT]) == pytest.approx(0.5, abs=0.01)


def test_a_unit_that_ignores_motion_has_no_curves(tunings: dict[int, MotionTuning]) -> None:
    ignoring = tunings[IGNORES]
    assert ignoring.motion_share == 0
    assert not ignoring.is_moved
    assert ignoring.gain_slope is None
    assert ignoring.rate_octaves is None


def test_a_unit_tuned_to_a_frequency_prefers_the_rate_that_gives_it(tunings: dict[int, MotionTuning]) -> None:
    tuned = tunings[RATE_TUNED]
    assert tuned.preferred_rate == 2
    assert not tuned.censored_below
    assert tuned.rate_octaves is not None
    assert slope(tuned) == pytest.approx(1, abs=0.01), "gain and rate are apart: it is linear in the size of motion"


def test_the_rate_does_not_move_a_unit_that_only_adds_up_motion(tunings: dict[int, MotionTuning]) -> None:
    curve = [value for value in tunings[LINEAR].rate_responses if value is not None]
    assert min(curve) > 0.5
    assert tunings[LINEAR].censored_below
    assert tunings[LINEAR].censored_above


def test_a_playback_that_is_not_changed_is_what_the_survey_shows(network: Network) -> None:
    playback = Playback(network.card, CLIPS[0])
    shown, expected = playback.inputs(UNCHANGED), make_inputs(network.card, CLIPS[0])
    assert shown is not None
    assert all((shown[name] == expected[name]).all() for name in expected)


def test_a_clip_that_is_too_short_for_a_rate_has_no_inputs_at_it(network: Network) -> None:
    playback = Playback(network.card, CLIPS[3])
    assert frames_at_rate(network.card, 1) == FIELDS + 1
    assert frames_at_rate(network.card, 2) > len(CLIPS[3])
    assert playback.inputs(speed_change(network.card, 2)) is None
    assert playback.inputs(speed_change(network.card, 0.5)) is not None


def test_flow_stops_at_what_eight_bits_hold(network: Network) -> None:
    playback = Playback(network.card, CLIPS[0])
    shown = playback.inputs(MotionChange(gain=100))
    assert shown is not None
    assert float(shown[StreamName.MOTION].max()) == 1
    assert playback.clipped_share(100) > 0.5
    assert playback.clipped_share(1) == 0
    assert usable_gains((1, 8), (0.0, 0.3)) == (1,)


def test_still_clips_have_no_flow(network: Network) -> None:
    still = Playback(network.card, CLIPS[0]).inputs(STILL)
    assert still is not None
    assert not still[StreamName.MOTION].any()


def test_a_slope_needs_three_gains_with_a_response() -> None:
    curves = np.array([[0.0, 0.0, 1.0, 2.0], [0.0, 1.0, 2.0, 4.0]])
    slopes = gain_slope(curves, (0.5, 1, 2, 4))
    assert np.isnan(slopes[0])
    assert slopes[1] == pytest.approx(1)


def test_a_curve_that_stays_above_half_height_is_censored_there() -> None:
    width = rate_width([0.1, 0.4, 1.0, 0.8, float("nan")], (0.25, 0.5, 1, 2, 4))
    assert width is not None
    assert (width.preferred, width.censored_below, width.censored_above) == (1, False, True)
    assert width.octaves == pytest.approx(1 + 0.5 / 0.6)


def test_gratings_find_the_direction_of_a_unit_and_none_where_there_is_none(network: Network) -> None:
    shown = gratings(network.card)
    assert len(shown) == 96
    rightward = np.array([max(0.0, np.cos(np.radians(each.degrees))) * each.speed for each in shown])
    flat = np.array([each.speed for each in shown])
    noise = np.random.default_rng(1).random((20, len(shown)))
    tuning = grating_tuning(np.stack([rightward, flat, *noise]), shown, np.random.default_rng(0))
    assert tuning.direction[0] == pytest.approx(0, abs=1e-6)
    assert tuning.p_value[0] < 0.01
    assert tuning.selectivity[1] == pytest.approx(0, abs=1e-9)
    assert tuning.p_value[1] == 1
    assert (tuning.p_value[2:] < 0.05).mean() < 0.3, "by chance one in twenty"
    assert tuning.speed[0] == 8


def test_gratings_are_shown_in_one_pass(network: Network, layer: str) -> None:
    shown = gratings(network.card)
    responses = grating_responses(network, [layer], shown)[layer]
    assert responses.shape == (4, len(shown))
    assert not responses[IGNORES].any()
    right = [index for index, each in enumerate(shown) if each.degrees == DIRECTIONS[0] and not each.frequency]
    assert (responses[LINEAR][right] > 0).all()
