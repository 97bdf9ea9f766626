"""The stimuli of a batch and all that changes them from step to step."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import torch
from torch import Tensor

from worker.devices import copy_to_device
from worker.maximize.canvas import Canvas, InputName
from worker.maximize.focus import FocusedParameterization, share_map
from worker.maximize.measures import Array, to_array
from worker.maximize.optimizers import normalize
from worker.maximize.parameterizations import Parameterization
from worker.maximize.settings import Settings
from worker.maximize.start import Start
from worker.maximize.temporal_step import StiffTerm, TemporalStep, time_laplacian

NO_CURVATURE: Mapping[InputName, Tensor] = MappingProxyType({})
START_RMS = 0.1  # of the start noise, in units of the bound


class OptimizerState:
    """Stimuli `x` (B, D, T, H, W) of the active items by input, with their optimizers, focus, views and generators.

    With a `start`, x is the change of that clip, and not the stimulus.

    Rows of the batch are the active items, in the order of Membership. Frozen stimuli are kept aside, by item. `like`
    is a tensor of the precision and on the device that all of them have.
    """

    def __init__(
        self,
        canvases: Mapping[InputName, Canvas],
        seeds: Sequence[int],
        settings: Settings,
        like: Tensor,
        start: Start | None = None,
    ) -> None:
        self.canvases, self.schedule, self.like, self.start = canvases, settings.schedule, like, start
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.parameterizations = {name: settings.parameterization(canvas, like) for name, canvas in canvases.items()}
        self.optimizers = {name: settings.optimizer() for name in canvases}
        self.temporal_steps = {
            name: TemporalStep(canvas, self.parameterizations[name], like) for name, canvas in canvases.items()
        }
        self.is_implicit = settings.is_implicit
        focus = settings.focus
        self.focus = {name: focus(canvas, like) for name, canvas in canvases.items()} if focus is not None else {}
        self.shares_focus = settings.shares_focus
        start_rms = START_RMS if start is None else 0.0  # a clip is changed from what it is
        self.x = {name: self.noise(name, range(len(seeds)), start_rms) for name in canvases}
        # the views of every step are drawn beforehand: nothing is sent to the device while it computes
        views = settings.transform.draw(self.generators, settings.schedule.steps)
        self.views = None if views is None else copy_to_device(views, like.device)
        self.frozen: dict[int, dict[InputName, Tensor]] = {}

    def noise(self, name: InputName, items: Iterable[int], rms: float = START_RMS) -> Tensor:
        """Return noise (B, D, T, H, W) in the proportions of the parameterization, of rms `rms` times the bound."""
        canvas, parameterization = self.canvases[name], self.parameterizations[name]
        white = torch.stack([torch.randn(canvas.shape, generator=self.generators[item]) for item in items])
        z = copy_to_device(white.to(self.like.dtype), self.like.device)
        return normalize(parameterization.stimulus(z)) * (rms * canvas.bound)

    def view(self, step: int, rows: slice | Tensor) -> Tensor | None:
        """Return the views (B, 2, 3) of these rows at a step, None where every view is the canvas itself."""
        return None if self.views is None else self.views[step, rows]

    def step(
        self,
        gradient: Mapping[InputName, Tensor],
        progress: float,
        curvature: Mapping[InputName, Tensor] = NO_CURVATURE,
    ) -> None:
        """Take one step uphill in every input, after the share that the schedule gives has faded from the stimulus.

        `curvature` (B,) is that of the temporal term of J, by input.
        """
        weight_decay = self.schedule.weight_decay_at(progress)
        for each in self.parameterizations.values():
            each.set_progress(progress)
        stiff_inputs = {name for name, x in self.x.items() if name in curvature and x.shape[2] > 1}
        stiff_inputs = stiff_inputs if self.is_implicit else set()
        others = {  # the gradient of all terms of J but those that have implicit steps
            name: gradient[name] + curvature[name].view(-1, 1, 1, 1, 1) * time_laplacian(x)
            if name in stiff_inputs
            else gradient[name]
            for name, x in self.x.items()
        }
        focused = self._focused(others)
        for name, x in self.x.items():
            parameterization: Parameterization = self.parameterizations[name]
            length = self.schedule.step_size_at(progress) * self.canvases[name].bound
            stiff, focus_gain = None, x.new_ones(len(x))
            if name in focused:
                parameterization = focused[name]
                focus_gain = parameterization.weight.square().flatten(1).amax(1)
                x.mul_(1 - parameterization.decay(self.schedule.defocus_decay_at(progress)))
            x.mul_(1 - weight_decay)
            if name in stiff_inputs:
                pull = curvature[name].view(-1, 1, 1, 1, 1) * time_laplacian(x)
                stiff = StiffTerm(self.temporal_steps[name], pull, length * curvature[name] * focus_gain)
            direction = self.optimizers[name].direction(others[name], parameterization, stiff)
            x.add_(direction, alpha=length)
            self.project(name, x)

    def project(self, name: InputName, x: Tensor) -> Tensor:
        """Bring x (B, D, T, H, W) within the bound and, where it is the change of a clip, within what that keeps."""
        if self.start is None:
            return self.canvases[name].project(x)
        return self.start.project(name, self.canvases[name].project(x))

    def _focused(self, gradient: Mapping[InputName, Tensor]) -> dict[InputName, FocusedParameterization]:
        """Add a gradient to the focus of every input, and return the parameterizations weighted by it."""
        maps = {name: focus.map(self.parameterizations[name], gradient[name]) for name, focus in self.focus.items()}
        if self.shares_focus and maps:
            maps = dict.fromkeys(maps, share_map(maps))
        return {name: focus.weigh(self.parameterizations[name], maps[name]) for name, focus in self.focus.items()}

    def stimulus(self, item: int, row: int | None) -> dict[InputName, Array]:
        """Return the finished part of an item's stimulus as it is now, (D, T, H, W) by input; no row: frozen."""
        x = self.frozen[item] if row is None else {name: value[row] for name, value in self.x.items()}
        if self.start is not None:
            x = {name: value[0] for name, value in self.start.add_to(x).items()}
        return {name: to_array(canvas.crop(x[name])) for name, canvas in self.canvases.items()}

    def freeze(self, item: int, row: int) -> None:
        """Keep the stimulus of this row aside."""
        self.frozen[item] = {name: x[row] for name, x in self.x.items()}

    def unfreeze(self) -> list[int]:
        """Append all frozen stimuli to the batch, for its last evaluation, and return their items."""
        for stimulus in self.frozen.values():
            self.x = {name: torch.cat([x, stimulus[name][None]]) for name, x in self.x.items()}
        items, self.frozen = list(self.frozen), {}
        return items

    def keep(self, rows: Tensor) -> None:
        """Forget all rows but these."""
        self.x = {name: x[rows] for name, x in self.x.items()}
        self.views = None if self.views is None else self.views[:, rows]
        for optimizer in self.optimizers.values():
            optimizer.keep(rows)
        for focus in self.focus.values():
            focus.keep(rows)
