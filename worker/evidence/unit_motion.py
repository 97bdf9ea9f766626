"""The motion tuning of the units of a layer, and its summary for the layer, from their responses on the grid."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.contract.interval import Interval
from app.contract.invariance import LayerGain, MotionTuning
from worker.evidence.gratings import GratingTuning
from worker.evidence.motion_tuning import (
    GridResponses,
    RateWidth,
    clip_draws,
    count_groups,
    gain_curves,
    gain_slope,
    rate_curves,
    rate_width,
)
from worker.evidence.resampling import MIN_GROUPS, Integers, make_interval
from worker.evidence.types import Floats

UNITS_AT_ONCE = 128  # whose draws are in memory
UNIT_DRAWS = 200  # for the interval of a unit's slope


@dataclass(frozen=True)
class LayerCurves:
    """The curves and slopes of the U units of a layer; NaN for a unit that motion does not move."""

    responses: GridResponses
    gains: tuple[float, ...]
    gain_responses: Floats  # (U, G) summed over clips
    slopes: Floats  # (U,)
    resampled: Floats  # (draws,) median slope where other classes or groups of clips are drawn
    rates: tuple[float, ...]
    rate_responses: Floats  # (U, R) as shares of that to rate 1
    widths: tuple[RateWidth | None, ...]

    @property
    def median_slope(self) -> Interval | None:
        """The median over units with its interval; None where no unit has a slope."""
        known, drawn = (values[~np.isnan(values)] for values in (self.slopes, self.resampled))
        return make_interval(float(np.median(known)), drawn) if len(known) and len(drawn) else None


def layer_curves(responses: GridResponses, slope_gains: Sequence[float], weights: Floats) -> LayerCurves:
    """Return the curves of a layer; slopes are computed from `slope_gains`.

    `weights` (draws, N) says how often each clip, by its number, counts in each draw.
    """
    moved = responses.moved
    gains, curves = gain_curves(responses)
    columns = [gains.index(gain) for gain in slope_gains]
    slopes = np.full(len(moved), np.nan)
    drawn = np.full((len(weights), len(moved)), np.nan)
    if columns:
        slopes = np.where(moved, gain_slope(curves[:, columns], slope_gains), np.nan)
        for start in range(0, len(moved), UNITS_AT_ONCE):
            units = slice(start, start + UNITS_AT_ONCE)
            chunk = responses.chunk(units)
            own = weights[:, np.maximum(chunk.clips, 0)] * (chunk.clips >= 0)  # (draws, u, K)
            drawn[:, units] = gain_slope(gain_curves(chunk, own)[1][..., columns], slope_gains)
    drawn[:, np.isnan(slopes)] = np.nan
    rates, rate_responses = rate_curves(responses)
    rate_responses = np.where(moved[:, None], rate_responses, np.nan)
    return LayerCurves(
        responses,
        gains,
        curves,
        slopes,
        _medians(drawn),
        rates,
        rate_responses,
        tuple(rate_width(row, rates) for row in rate_responses),
    )


def _medians(drawn: Floats) -> Floats:
    """Return the median of each row (draws, U) over what is known, NaN where nothing is."""
    has_any = ~np.isnan(drawn).all(1)
    medians = np.full(len(drawn), np.nan)
    medians[has_any] = np.nanmedian(drawn[has_any], 1)
    return medians


def layer_gain(curves: LayerCurves, has_gain: bool, tuning: GratingTuning | None, p_limit: float) -> LayerGain:
    """Summarize a layer; direction-selective are units with a p-value of at most `p_limit`."""
    widths = [width for width in curves.widths if width is not None]
    preferred = [width.preferred for width in widths]
    excited = None if tuning is None else ~np.isnan(tuning.selectivity)
    return LayerGain(
        live=int((~np.isnan(curves.responses.motion_share)).sum()),
        moved=int(curves.responses.moved.sum()),
        slope=curves.median_slope if has_gain else None,
        prefer_rate=tuple((rate, preferred.count(rate)) for rate in curves.rates if rate in preferred),
        octaves=float(np.median([width.octaves for width in widths])) if widths else None,
        censored=sum(width.censored_below or width.censored_above for width in widths),
        direction_selective=0 if tuning is None else int((tuning.p_value <= p_limit).sum()),
        grating_excited=0 if excited is None else int(excited.sum()),
    )


def unit_tunings(
    curves: LayerCurves,
    slope_gains: Sequence[float],
    groups: Integers,
    tuning: GratingTuning | None,
    generator: np.random.Generator,
) -> dict[int, MotionTuning]:
    """Return the tuning of every unit of the layer that was shown a clip; `groups` are those of clips by number."""
    counts = count_groups(curves.responses, groups)
    intervals = _slope_intervals(curves, slope_gains, groups, counts, generator)
    shown = curves.responses.shown.sum(1)
    moved = curves.responses.moved
    return {
        unit: MotionTuning(
            clips=int(shown[unit]),
            motion_share=_known(curves.responses.motion_share[unit]),
            **(_curve_fields(curves, unit) if moved[unit] else {}),
            gain_slope=intervals.get(unit),
            slope_groups=int(counts[unit]) if unit in intervals else 0,
            **({} if tuning is None else _grating_fields(tuning, unit)),
        )
        for unit in range(len(moved))
        if shown[unit]
    }


def _curve_fields(curves: LayerCurves, unit: int) -> dict[str, object]:
    fields: dict[str, object] = {}
    at_one = curves.gain_responses[unit, curves.gains.index(1.0)]
    if len(curves.gains) > 1 and at_one > 0:
        fields |= {"gains": curves.gains, "gain_responses": tuple((curves.gain_responses[unit] / at_one).tolist())}
    width = curves.widths[unit]
    if width is not None:
        fields |= {
            "rates": curves.rates,
            "rate_responses": tuple(_known(value) for value in curves.rate_responses[unit]),
            "preferred_rate": width.preferred,
            "rate_octaves": width.octaves,
            "censored_below": width.censored_below,
            "censored_above": width.censored_above,
        }
    return fields


def _grating_fields(tuning: GratingTuning, unit: int) -> dict[str, object]:
    if np.isnan(tuning.selectivity[unit]):
        return {}
    responses = tuning.by_direction[unit]
    return {
        "direction": float(tuning.direction[unit]),
        "direction_responses": tuple((responses / responses.max()).tolist()),
        "selectivity": float(tuning.selectivity[unit]),
        "selectivity_p_value": float(tuning.p_value[unit]),
        "grating_speed": float(tuning.speed[unit]),
        "grating_frequency": float(tuning.frequency[unit]),
    }


def _slope_intervals(
    curves: LayerCurves,
    slope_gains: Sequence[float],
    groups: Integers,
    counts: Integers,
    generator: np.random.Generator,
) -> dict[int, Interval]:
    """Return the slope of every unit that has one; without an interval where it was shown too few groups of clips."""
    columns = [curves.gains.index(gain) for gain in slope_gains]
    intervals: dict[int, Interval] = {}
    for start in range(0, len(curves.slopes), UNITS_AT_ONCE):
        chunk = curves.responses.chunk(slice(start, start + UNITS_AT_ONCE))
        known = np.flatnonzero(~np.isnan(curves.slopes[start : start + UNITS_AT_ONCE]))
        if not len(known) or not columns:
            continue
        weights = clip_draws(chunk, groups, UNIT_DRAWS, generator)
        drawn = gain_slope(gain_curves(chunk, weights)[1][..., columns], slope_gains)  # (draws, u)
        for unit in known.tolist():
            slope = float(curves.slopes[start + unit])
            resampled = drawn[:, unit][~np.isnan(drawn[:, unit])]
            if counts[start + unit] >= MIN_GROUPS and len(resampled) > UNIT_DRAWS // 2:
                intervals[start + unit] = make_interval(slope, resampled)
            else:
                intervals[start + unit] = Interval(value=slope, low=slope, high=slope)
    return intervals


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
