"""What an ascent tells: each step while it climbs, then one outcome a unit. Units are named by their place in the
batch that was asked for; stimuli are arrays (D, T, H, W) by stream, in standard units.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from app.contract.errors import WorkError
from app.contract.network import StreamName
from app.contract.result import Measurements
from worker.maximize.measures import Array


@dataclass(frozen=True)
class Step:
    """A step that has just been taken."""

    step: int  # 1 for the first
    steps: int
    objective: Mapping[int, float]  # J by place, of the newest view that is known
    stimulus: Callable[[int], dict[StreamName, Array]]  # by place, as it is now
    errors: Mapping[int, WorkError]  # by place, of the units that have failed so far


Observe = Callable[[Step], Iterable[int]]  # returns the places to drop


@dataclass(frozen=True)
class Finished:
    stimulus: dict[StreamName, Array]  # of the streams that the layer sees
    measurements: Measurements


@dataclass(frozen=True)
class Ascent:
    """What became of one unit."""

    place: int
    unit: int
    outcome: Finished | WorkError
