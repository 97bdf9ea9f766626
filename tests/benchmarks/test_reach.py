"""Reach is measured on the units that a survey has seen alive."""

import pytest

from app.contract.recipe import Recipe
from app.contract.unit import UnitSummary
from benchmarks.reach import evenly_spaced, visualize
from tests.worker.conftest import tiny_two_stream, tiny_two_stream_weights
from worker.networks.network import Network

__all__ = ["tiny_two_stream", "tiny_two_stream_weights"]  # fixtures


def unit(index: int, a_hat: float | None) -> UnitSummary:
    place = {"network": "tiny", "layer": "motion.conv1_1", "stream": "motion", "label": ""}
    return UnitSummary(index=index, a_hat=a_hat, visualizations=0, poster=None, loop=None, **place)


def test_units_are_alive_and_evenly_spaced() -> None:
    units = [unit(index, None if index == 0 else 0.0 if index == 1 else 1.0) for index in range(10)]
    assert [each.index for each in evenly_spaced(units, 4)] == [2, 4, 6, 8]
    for more_than_there_are in (0, 99):
        assert [each.index for each in evenly_spaced(units, more_than_there_are)] == list(range(2, 10))


def test_reach_is_the_activation_over_that_of_the_strongest_clip(tiny_two_stream: Network) -> None:
    recipe = Recipe(objective="center", steps=2, jitter=4)
    found = visualize(tiny_two_stream, "motion.conv1_1", [unit(index, 0.5) for index in (1, 2, 3)], recipe, batch=2)
    assert [one.measurements.reach for one in found] == pytest.approx(
        [one.measurements.activation / 0.5 for one in found]
    )
    assert len(found) == 3
