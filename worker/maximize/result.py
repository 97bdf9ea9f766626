"""What the loop reports: every step, and at the end one result for each item.

Items are named by their index in the whole batch; stimuli are arrays (D, T, H, W) by input, in standard units.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from app.contract.errors import WorkError
from worker.maximize.canvas import InputName
from worker.maximize.measures import Array


@dataclass(frozen=True)
class Step:
    """A step that has just been taken."""

    step: int  # 1 for the first
    steps: int
    objective: Mapping[int, float]  # J by item, of the newest view whose value is known
    stimulus: Callable[[int], dict[InputName, Array]]  # by item, as it is now
    errors: Mapping[int, WorkError]  # by item, of those that have failed so far


Observe = Callable[[Step], Iterable[int]]  # returns the items to drop, or raises to stop all


@dataclass(frozen=True)
class Maximum:
    """The finished stimulus of one item, and its measures."""

    stimulus: dict[InputName, Array]
    objective: float  # J without random view; not finite where the network overflows on the finished stimulus
    measures: tuple[float, ...]  # what the caller measured of its activations
    trace: tuple[float, ...]  # J of each step's view
    notes: tuple[str, ...]  # sentences on how the run ended
    objective_without: Mapping[InputName, float]  # J with this input at zero (grey, no motion); empty for one input


Results = Mapping[int, Maximum | WorkError]  # by item; those that were dropped are missing
