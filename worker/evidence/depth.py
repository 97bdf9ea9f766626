"""How a measure differs between the last and the first layer, in a network and in its control."""

from typing import Literal

import numpy as np

from app.contract.invariance import DepthChange
from worker.evidence.resampling import make_interval, one_sided_p_value
from worker.evidence.types import Floats

Measure = Literal["speed", "direction", "gain", "abstraction", "decoding"]
Measured = tuple[float, Floats]  # a value, and the values (draws,) where other classes or groups are drawn


def depth_change(
    measure: Measure,
    ends: tuple[str, str],
    trained: tuple[Measured, Measured],
    control: tuple[Measured, Measured] | None,
    n: int,
    counted: str,
    *,
    falls: bool = False,
) -> DepthChange | None:
    """Return the difference between the `ends`, the names of the first and the last layer, measured in this order.

    The same draw serves both layers and both networks. `falls` says that a fall is what the p-value asks for. Where
    the control has no value, the p-value is of the change itself. None where too few draws have a value.
    """
    sign = -1 if falls else 1
    change, drawn = _difference(trained)
    known = ~np.isnan(drawn)
    if np.isnan(change) or known.sum() < len(drawn) / 2:
        return None
    result = DepthChange(
        measure=measure,
        first=ends[0],
        last=ends[1],
        change=make_interval(change, drawn[known]),
        p_value=one_sided_p_value(sign * change, sign * drawn[known]),
        n=n,
        counted=counted,
    )
    if control is None:
        return result
    control_change, control_drawn = _difference(control)
    known &= ~np.isnan(control_drawn)
    if np.isnan(control_change) or known.sum() < len(drawn) / 2:
        return result
    beyond, beyond_drawn = change - control_change, (drawn - control_drawn)[known]
    return result.model_copy(
        update={
            "control": make_interval(control_change, control_drawn[known]),
            "beyond_control": make_interval(beyond, beyond_drawn),
            "p_value": one_sided_p_value(sign * beyond, sign * beyond_drawn),
        }
    )


def _difference(ends: tuple[Measured, Measured]) -> Measured:
    (first, first_drawn), (last, last_drawn) = ends
    return last - first, last_drawn - first_drawn
