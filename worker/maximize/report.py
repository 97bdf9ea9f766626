"""What is measured of a finished stimulus, as the contract's measurements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from app.contract.errors import NotFinite
from app.contract.network import Extent, StreamName
from app.contract.recipe import ResolvedRecipe
from app.contract.result import Measurements
from worker.devices import describe_device, device_of
from worker.maximize.measures import Array, magnitude, motion_energies, noise, relative_changes
from worker.maximize.objective_function import Model
from worker.maximize.result import Maximum
from worker.networks.network import Network
from worker.video.flow import FLOW_UNIT_PX


@dataclass(frozen=True)
class Report:
    """Turns the maxima of one run into measurements."""

    network: Network
    layer: str
    recipe: ResolvedRecipe
    model: Model
    problem: str  # why the whole frame was computed; empty where a part was enough
    unused: str  # a note
    seconds: float  # a unit
    clip: Mapping[StreamName, Array] | None = None  # (D, T, H, W) by stream, that stimuli start from

    def __call__(
        self, name: str, maximum: Maximum, a_hat: float | None, of_clip: Sequence[float] = ()
    ) -> Measurements | NotFinite:
        """Return the measurements of one unit; NotFinite where its finished stimulus overflows the network.

        `a_hat` is what J was divided by, None where no survey has measured it and it counted as 1. `of_clip` are the
        activation and the probability that the clip gives.
        """
        activation, class_probability = maximum.measures
        values = torch.tensor([maximum.objective, activation])
        if not values.isfinite().all():
            return NotFinite(
                f"The finished stimulus of {name} gives an activation of {activation}: the network overflows on it. "
                "Try a smaller bound."
            )
        has_one_position, canvases = self.recipe.is_of_one_position, self.model.canvases.values()
        extent = Extent(
            frames=max(canvas.frames for canvas in canvases),
            height=max(canvas.height for canvas in canvases),
            width=max(canvas.width for canvas in canvases),
        )
        needs_whole = self.network.card.sees_everything(self.network.card.layer(self.layer))
        is_told = has_one_position and self.problem and not needs_whole
        problem = f"Computed on the whole frame: {self.problem}." if is_told else ""
        is_class = self.network.card.layer(self.layer).is_class
        flow = maximum.stimulus.get(StreamName.MOTION)
        return Measurements(
            activation=activation,
            objective=maximum.objective,
            objective_without={str(stream): value for stream, value in maximum.objective_without.items()},
            a_hat=1.0 if a_hat is None else a_hat,
            probability=class_probability if is_class else None,
            clip_activation=of_clip[0] if of_clip else None,
            clip_probability=of_clip[1] if of_clip and is_class else None,
            clip_change={} if self.clip is None else relative_changes(self.clip, maximum.stimulus),
            reach=None if a_hat is None else (-activation if self.recipe.sign == "minimize" else activation) / a_hat,
            motion_energy=motion_energies(maximum.stimulus),
            motion_magnitude=None if flow is None else magnitude(flow) * FLOW_UNIT_PX,
            noise={str(stream): noise(x) for stream, x in maximum.stimulus.items()},
            trace=maximum.trace,
            seconds=self.seconds,
            device=describe_device(device_of(self.network.module), self.network.precision),
            seen=extent if has_one_position and not self.problem else None,
            notes=tuple(filter(None, (problem, self.unused, *maximum.notes))),
        )
