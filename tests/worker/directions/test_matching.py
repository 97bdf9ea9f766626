"""The same unit in two layers is found by the clips that excite it, and chance is told."""

import numpy as np
import pytest

from app.contract.errors import InvalidRequest
from worker.directions.matching import match_units, record_peaks
from worker.networks.network import Network
from worker.survey.prefetch import Sample


def test_units_are_found_again_in_another_order_and_scale() -> None:
    rng = np.random.default_rng(0)
    first = rng.normal(size=(40, 6)).astype(np.float32)
    order = np.array([3, 0, 5, 1, 4, 2])
    second = first[:, order] * 3 + 1
    found = match_units(first, second)
    assert {(match.unit, match.other) for match in found.matches} == {(unit, place) for place, unit in enumerate(order)}
    assert all(match.is_mutual and match.correlation == pytest.approx(1, abs=1e-5) for match in found.matches)
    assert 0.3 < found.by_chance < 0.9


def test_what_never_changes_matches_nothing_and_noise_stays_by_chance() -> None:
    rng = np.random.default_rng(1)
    first, second = (rng.normal(size=(60, 5)).astype(np.float32) for _ in range(2))
    first[:, 2] = 4
    found = match_units(first, second)
    assert [match.unit for match in found.matches if match.unit == 2] == []
    assert found.matches[0].correlation < found.by_chance


def test_too_few_clips_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="matching needs 4"):
        match_units(np.ones((3, 2), np.float32), np.ones((3, 2), np.float32))


def test_peaks_are_those_of_a_survey(tiny_clip: Network, samples: list[Sample]) -> None:
    peaks = record_peaks(tiny_clip, "conv3", samples)
    assert list(peaks) == [sample.name for sample in samples]
    found = match_units(np.stack(list(peaks.values())), np.stack(list(peaks.values())))
    assert all(match.unit == match.other for match in found.matches)
