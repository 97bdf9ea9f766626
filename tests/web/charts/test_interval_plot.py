"""Axes with round limits, and the intervals of claims on one scale."""

import math

import pytest

from app.contract.findings import Claim, Verdict
from app.contract.interval import Interval
from app.web.charts.axis import linear_axis
from app.web.charts.interval_plot import WIDTH, interval_plots


def interval(low: float, value: float, high: float) -> Interval:
    return Interval(low=low, value=value, high=high)


def claim(name: str, **fields: object) -> Claim:
    return Claim.model_validate({"name": name, "sentence": "It is so.", "verdict": Verdict.SUPPORTED, **fields})


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ((0.0, 0.52, -0.08), ["-0.2", "0.0", "0.2", "0.4", "0.6"]),
        ((0.0, 21.0), ["0", "10", "20", "30"]),
        ((0.0, 4.0), ["0", "1", "2", "3", "4"]),
        ((0.0, 0.3), ["0.0", "0.1", "0.2", "0.3"]),
        ((0.0, 0.0), ["-0.5", "0.0", "0.5"]),
        ((7.0, 7.0), ["0", "2", "4", "6", "8"]),
        ((0.0, 12_000.0), ["0", "5,000", "10,000", "15,000"]),
        ((0.0, 1.0, math.nan, math.inf), ["0.0", "0.5", "1.0"]),
    ],
)
def test_an_axis_has_round_limits_and_ticks(values: tuple[float, ...], labels: list[str]) -> None:
    axis = linear_axis(values, 100)
    assert [tick.label for tick in axis.ticks] == labels
    assert (axis.ticks[0].x, axis.ticks[-1].x) == (0, 100)
    finite = [value for value in values if math.isfinite(value)]
    assert axis.low <= min(finite)
    assert axis.high >= max(finite)


def test_what_lies_beyond_an_axis_is_at_its_end() -> None:
    axis = linear_axis((0, 1), 100)
    assert (axis.x(-3), axis.x(0.25), axis.x(9)) == (0, 25, 100)


def test_a_claim_is_drawn_with_chance_and_control_and_shares_its_scale() -> None:
    plots = interval_plots(
        [
            claim(
                "a",
                measure="share",
                effect=interval(0.2, 0.3, 0.4),
                null=interval(-0.1, 0, 0.1),
                control=interval(0, 0.1, 0.2),
            ),
            claim("b", measure="share", effect=interval(0.6, 0.7, 0.8)),
            claim("c", measure="octaves", effect=interval(1, 2, 3)),
            claim("d"),
            claim("e", measure="share", effect=interval(math.nan, 0.5, 1)),
        ]
    )
    assert list(plots) == ["a", "b", "c"]
    assert plots["a"].axis == plots["b"].axis != plots["c"].axis
    effect, chance, control = plots["a"].marks
    assert [mark.words for mark in plots["a"].marks] == ["network", "null", "control"]
    assert 0 <= effect.low < effect.value < effect.high <= WIDTH
    assert effect.y < chance.y < control.y < plots["a"].bottom
    assert plots["a"].chance == plots["a"].zero == chance.value
    assert plots["b"].chance is None
