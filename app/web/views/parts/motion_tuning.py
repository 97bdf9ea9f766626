"""How a unit depends on the size, rate and direction of motion, as curves for its page."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.contract.invariance import MotionTuning
from app.contract.recipe import Speed
from app.contract.result import Visualization
from app.web.charts.plots import Curve, direction_plot, gain_plot, rate_plot

CLOCKWISE_FROM_TOP = tuple(float(degrees) for degrees in range(90, 450, 45))  # directions from the right on
COMPRESSES_BELOW, LINEAR_UP_TO = 0.5, 1.2  # slopes: what is said of them in words


@dataclass(frozen=True)
class StimulusResponse:
    """The response of a unit to its own newest stimulus of a speed; `reach` is None where there is no such stimulus."""

    speed: Speed
    reach: float | None  # as a multiple of the response to its strongest clip


@dataclass(frozen=True)
class MotionTuningPanel:
    """The curves of a unit, None where they were not measured.

    `largest_gain` is the response at the top of the gain plot, as a multiple of the response to the clip itself.
    """

    tuning: MotionTuning
    gain: Curve | None
    largest_gain: float
    rate: Curve | None
    direction: Curve | None
    stimuli: tuple[StimulusResponse, ...]

    @property
    def has_slope_interval(self) -> bool:
        slope = self.tuning.gain_slope
        return slope is not None and slope.low < slope.high

    @property
    def gain_words(self) -> str:
        """What the slope says of the response, as the end of a sentence."""
        slope = self.tuning.gain_slope
        if slope is None:
            return ""
        if slope.value < COMPRESSES_BELOW:
            return "depends little on the size of the motion"
        is_linear = slope.value <= LINEAR_UP_TO
        return f"grows {'' if is_linear else 'more than '}in proportion to the size of the motion"

    @property
    def width_words(self) -> str:
        """The width of the rate curve, a lower bound where the curve is open at an end."""
        octaves = self.tuning.rate_octaves or 0.0
        is_open = self.tuning.censored_below or self.tuning.censored_above
        return f"at least {octaves:.2g} octaves" if is_open else f"{octaves:.2g} octaves"


def motion_tuning_panel(
    tuning: MotionTuning | None, a_hat: float, results: Sequence[Visualization]
) -> MotionTuningPanel | None:
    """Return the panel of a unit, None where its survey did not measure it.

    `a_hat` is the response to its strongest clip, `results` are its stimuli, newest first.
    """
    if tuning is None or not tuning.clips:
        return None
    shown = [
        (rate, value) for rate, value in zip(tuning.rates, tuning.rate_responses, strict=True) if value is not None
    ]
    return MotionTuningPanel(
        tuning=tuning,
        gain=gain_plot(tuning.gains, tuning.gain_responses) if tuning.gain_responses else None,
        largest_gain=max(tuning.gain_responses, default=1.0),
        rate=rate_plot(*zip(*shown, strict=True)) if len(shown) > 1 else None,
        direction=direction_plot(CLOCKWISE_FROM_TOP, tuning.direction_responses)
        if tuning.direction_responses
        else None,
        stimuli=stimulus_responses(a_hat, results),
    )


def stimulus_responses(a_hat: float, results: Sequence[Visualization]) -> tuple[StimulusResponse, ...]:
    """Return the responses to the newest stimulus of each speed, slow first; nothing for a unit without stimuli.

    All are of the objective of the newest one, because stimuli of one position cannot be compared with whole maps.
    """
    raising = [result for result in results if result.recipe.shows_unit]
    if not raising or a_hat <= 0:
        return ()
    newest = {
        result.recipe.speed: result.measurements.activation / a_hat
        for result in reversed(raising)
        if result.recipe.objective == raising[0].recipe.objective
    }
    return tuple(StimulusResponse(speed, newest.get(speed)) for speed in Speed)  # slow first
