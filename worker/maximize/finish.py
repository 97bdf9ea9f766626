"""The last look at the stimuli: without margin or random view, evaluated and measured."""

import torch
from torch import Tensor

from app.contract.errors import NotFinite, WorkError
from app.contract.network import Extent
from app.contract.result import Measurements
from worker.devices import describe
from worker.maximize.batch import Batch
from worker.maximize.gradient import Slope
from worker.maximize.measures import motion_energies, noise, peak, probability
from worker.maximize.memory import Pieces, out_of_memory
from worker.maximize.objectives import unit_activation
from worker.maximize.outcome import Finished


@torch.no_grad()
def evaluate(batch: Batch, slope: Slope, piece: slice) -> Tensor:
    """J, activation and probability (3, B) of the finished stimuli; the probability of other units than classes is
    meaningless.
    """
    seen = {name: canvas.crop(batch.x[name][piece]) for name, canvas in batch.canvases.items()}
    units, a_hat, objective = batch.units[piece], batch.a_hat[piece], slope.objective
    activation, gain = slope.gain(seen, units, a_hat)
    own = objective.pick(unit_activation(activation, units))
    penalty, _ = objective.penalty(seen, objective.picked(activation))
    rectified = slope.network.points[slope.layer].rectified
    return torch.stack([gain - penalty, peak(own, rectified), probability(activation, units)])


def finish(batch: Batch, slope: Slope, pieces: Pieces, known: bool, seconds: float) -> dict[int, Finished | WorkError]:
    """The outcome of every unit still at work, by place. `known`: the data maxima a_hat are measured ones."""
    outcomes: dict[int, Finished | WorkError] = {}
    is_class = slope.network.card.layer(slope.layer).is_class
    device = describe(batch.units.device, slope.network.precision)
    is_center = slope.objective.recipe.objective == "center"
    canvases = batch.canvases.values()
    seen = Extent(
        frames=max(canvas.frames for canvas in canvases),
        height=max(canvas.height for canvas in canvases),
        width=max(canvas.width for canvas in canvases),
    )
    problem = f"Computed on the whole frame: {slope.cone.problem}." if slope.cone.problem else ""
    for piece, figures in pieces.run(len(batch.places), lambda piece: evaluate(batch, slope, piece)):
        for offset, place in enumerate(batch.places[piece]):
            if figures is None:
                outcomes[place] = out_of_memory()
                continue
            value, activation, share = figures[:, offset].tolist()
            if not figures[:2, offset].isfinite().all():
                outcomes[place] = NotFinite(
                    f"The finished stimulus of unit {int(batch.units[piece][offset])} of {slope.layer} gives an "
                    f"activation of {activation}: the network overflows on it. Try a smaller bound."
                )
                continue
            stimulus = batch.stimulus(place)
            outcomes[place] = Finished(
                stimulus,
                Measurements(
                    activation=activation,
                    objective=value,
                    probability=share if is_class else None,
                    reach=activation / float(batch.a_hat[piece][offset]) if known else None,
                    motion_energy=motion_energies(stimulus),
                    noise={name.value: noise(x) for name, x in stimulus.items()},
                    trace=tuple(batch.traces[place]),
                    seconds=seconds,
                    device=device,
                    seen=seen if is_center and not problem else None,
                    notes=tuple(filter(None, (problem if is_center else "", batch.notes.get(place)))),
                ),
            )
    return outcomes
