"""Units that are maximized together. Each has its own noise, memory and fate: it can leave at any step."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from app.contract.catalog import StreamName
from app.contract.errors import NoGradient, NotFinite, WorkError
from app.contract.recipe import Recipe
from worker.maximize.canvas import Canvas
from worker.maximize.gradient import Pull, Slope
from worker.maximize.measures import Array, to_array
from worker.maximize.memory import Pieces, out_of_memory
from worker.maximize.optimizers import OPTIMIZERS, normalised
from worker.maximize.outcome import Step
from worker.maximize.priors import PRIORS

START = 0.1  # root mean square of the start noise, in units of the bound


class Batch:
    """Places, units and stimuli of the units still at work; errors, by place, of those that failed."""

    def __init__(
        self,
        units: Sequence[int],
        recipes: Sequence[Recipe],
        a_hat: Sequence[float],
        canvases: Mapping[StreamName, Canvas],
        device: torch.device,
    ) -> None:
        recipe = recipes[0]
        self.places = list(range(len(units)))
        self.units = torch.tensor(units, device=device)
        self.a_hat = torch.tensor(a_hat, dtype=torch.float32, device=device)
        self.generators = [torch.Generator().manual_seed(r.seed) for r in recipes]
        self.canvases = canvases
        self.bounds = {name: canvas.bound for name, canvas in canvases.items()}
        like = torch.empty(0, device=device)
        self.priors = {name: PRIORS[recipe.prior](canvas, recipe, like) for name, canvas in canvases.items()}
        self.optimizers = {name: OPTIMIZERS[recipe.optimizer]() for name in canvases}
        self.x = {name: self._start(name) for name in canvases}
        self.traces: dict[int, list[float]] = {place: [] for place in self.places}
        self.errors: dict[int, WorkError] = {}

    def _start(self, name: StreamName) -> Tensor:
        """Low-amplitude noise (B, D, T, H, W) in the proportions of the prior."""
        canvas, prior = self.canvases[name], self.priors[name]
        noise = torch.stack([torch.randn(canvas.shape, generator=g) for g in self.generators])
        return normalised(prior.stimulus(noise.to(self.units.device))) * (START * canvas.bound)

    def pull(self, slope: Slope, views: Tensor | None, pieces: Pieces) -> dict[StreamName, Tensor]:
        """The gradient of every unit at work, zero for those that fail here; J goes into the traces."""

        def work(piece: slice) -> Pull:
            x = {name: value[piece] for name, value in self.x.items()}
            view = None if views is None else views[piece]
            return slope.pull(x, view, self.units[piece], self.a_hat[piece])

        gradient = {name: torch.zeros_like(x) for name, x in self.x.items()}
        for piece, pulled in pieces.run(len(self.places), work):
            if pulled is None:
                self.errors[self.places[piece.start]] = out_of_memory()
                continue
            for name, value in pulled.gradient.items():
                gradient[name][piece] = value.nan_to_num_(0, 0, 0)
            flags = torch.stack([pulled.value, pulled.finite, pulled.touched]).tolist()
            for place, value, finite, touched in zip(self.places[piece], *flags, strict=True):
                self._check(slope.layer, place, value, bool(finite), bool(touched))
        return gradient

    def _check(self, layer: str, place: int, value: float, finite: bool, touched: bool) -> None:
        step, unit = len(self.traces[place]) + 1, int(self.units[self.places.index(place)])
        self.traces[place].append(value)
        if not finite:
            self.errors[place] = NotFinite(
                f"Unit {unit} of {layer} gave an objective of {value} or a gradient that is not finite at step {step}. "
                "If it happens at step 1, its weights hold NaN or infinite values: check the network with real clips. "
                "Later on, a smaller bound or step size may help."
            )
        elif step == 1 and not touched:
            self.errors[place] = NoGradient(
                f"Unit {unit} of {layer} has no gradient at all: it is constant where the stimulus starts, as a dead "
                "unit is. Another seed may find a way in; if none does, nothing can maximize it."
            )

    def step(self, step: int, steps: int) -> Step:
        """What there is to see of the step just taken."""
        value = {place: self.traces[place][-1] for place in self.places if place not in self.errors}
        return Step(step, steps, value, self.stimulus)

    def stimulus(self, place: int) -> dict[StreamName, Array]:
        """The finished part of a unit's stimulus as it is now: (D, T, H, W) by stream."""
        item = self.places.index(place)
        return {name: to_array(canvas.crop(self.x[name][item])) for name, canvas in self.canvases.items()}

    def move(self, gradient: Mapping[StreamName, Tensor], size: float, forget: float, progress: float) -> None:
        """One step uphill in every stream, of root mean square `size` in units of the stream's bound, from a stimulus
        of which a share is forgotten."""
        for name, x in self.x.items():
            x.mul_(1 - forget)
            prior = self.priors[name]
            prior.at(progress)
            x.add_(self.optimizers[name].direction(gradient[name], prior), alpha=size * self.bounds[name])
            self.canvases[name].project(x)

    def drop(self, places: set[int]) -> None:
        """Forgets these units: nothing more is computed for them."""
        if places.isdisjoint(self.places):
            return
        kept = [i for i, place in enumerate(self.places) if place not in places]
        index = torch.tensor(kept, dtype=torch.long, device=self.units.device)
        self.places = [self.places[i] for i in kept]
        self.generators = [self.generators[i] for i in kept]
        self.units, self.a_hat = self.units[index], self.a_hat[index]
        self.x = {name: x[index] for name, x in self.x.items()}
        for optimizer in self.optimizers.values():
            optimizer.keep(index)
