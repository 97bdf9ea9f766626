"""Units that are maximized together. Each has its own noise, memory and fate: it can leave at any step."""

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from app.contract.errors import NotFinite, WorkError
from app.contract.network import StreamName
from app.contract.recipe import ResolvedRecipe
from worker.devices import send
from worker.maximize import transforms
from worker.maximize.canvas import Canvas
from worker.maximize.focus import Focus
from worker.maximize.gradient import Pull, Slope
from worker.maximize.measures import Array, to_array
from worker.maximize.memory import Pieces, out_of_memory
from worker.maximize.optimizers import OPTIMIZERS, normalised
from worker.maximize.outcome import Step
from worker.maximize.priors import PRIORS
from worker.maximize.readback import Flags

START = 0.1  # root mean square of the start noise, in units of the bound


class Batch:
    """Places, units and stimuli of the units still at work; errors, by place, of those that failed."""

    def __init__(
        self,
        units: Sequence[int],
        recipes: Sequence[ResolvedRecipe],
        a_hat: Sequence[float],
        canvases: Mapping[StreamName, Canvas],
        device: torch.device,
    ) -> None:
        recipe = recipes[0]
        self.places = list(range(len(units)))
        self.names = dict(enumerate(units))
        self.units = torch.tensor(units, device=device)
        self.a_hat = torch.tensor(a_hat, dtype=torch.float32, device=device)
        self.generators = {place: torch.Generator().manual_seed(r.seed) for place, r in enumerate(recipes)}
        self.canvases = canvases
        self.bounds = {name: canvas.bound for name, canvas in canvases.items()}
        like = torch.empty(0, device=device)
        self.priors = {name: PRIORS[recipe.prior](canvas, recipe, like) for name, canvas in canvases.items()}
        self.optimizers = {name: OPTIMIZERS[recipe.optimizer](recipe.frame_equalization) for name in canvases}
        self.focus = {
            name: Focus(canvas, recipe.focus, recipe.center_bias, like)
            for name, canvas in canvases.items()
            if recipe.focus
        }
        self.x = {name: self.noise(name, self.places) for name in canvases}
        # of every step, drawn beforehand: nothing is sent to the device while it computes
        views = transforms.draw(list(self.generators.values()), recipe)
        self.views = None if views is None else send(views, device)
        self.flags = Flags(device)
        self.traces: dict[int, list[float]] = {place: [] for place in self.places}
        self.numb: dict[int, int] = dict.fromkeys(self.places, 0)  # steps in a row without a gradient
        self.errors: dict[int, WorkError] = {}
        self.notes: dict[int, str] = {}
        self._resting: dict[int, tuple[Tensor, Tensor, dict[StreamName, Tensor]]] = {}

    def noise(self, name: StreamName, places: Iterable[int], size: float = START) -> Tensor:
        """Noise (B, D, T, H, W) in the proportions of the prior, of root mean square `size` times the bound."""
        canvas, prior = self.canvases[name], self.priors[name]
        drawn = torch.stack([torch.randn(canvas.shape, generator=self.generators[place]) for place in places])
        return normalised(prior.stimulus(send(drawn, self.units.device))) * (size * canvas.bound)

    def view(self, step: int, items: slice | Tensor) -> Tensor | None:
        return None if self.views is None else self.views[step, items]

    def pull(self, slope: Slope, step: int, pieces: Pieces) -> dict[StreamName, Tensor]:
        """The gradient of every unit at work, zero for those that fail here; J goes into the traces."""

        def work(piece: slice) -> Pull:
            x = {name: value[piece] for name, value in self.x.items()}
            return slope.pull(x, self.view(step, piece), self.units[piece], self.a_hat[piece], natural=step > 0)

        gradient = {name: torch.zeros_like(x) for name, x in self.x.items()}
        for piece, pulled in pieces.run(len(self.places), work):
            if pulled is None:
                self.errors[self.places[piece.start]] = out_of_memory()
                continue
            for name, value in pulled.gradient.items():
                gradient[name][piece] = value.nan_to_num_(0, 0, 0)
            rows = [row.float() for row in (pulled.value, pulled.finite, pulled.touched)]
            self.flags.post(self.places[piece], torch.stack(rows))
        return gradient

    def read(self, layer: str, everything: bool = False) -> None:
        """Takes up what has become known of the steps so far."""
        for place, (value, finite, touched) in self.flags.read(everything):
            if place not in self.places or place in self.errors:
                continue
            self.traces[place].append(value)
            self.numb[place] = 0 if touched else self.numb[place] + 1
            if not finite:
                self.errors[place] = NotFinite(
                    f"Unit {self.names[place]} of {layer} gave an objective of {value} or a gradient that is not "
                    f"finite at step {len(self.traces[place])}. If it happens at step 1, its weights hold NaN or "
                    "infinite values: check the network with real clips. Later on, a smaller bound or step size may "
                    "help."
                )

    def step(self, step: int, steps: int) -> Step:
        """What there is to see of the step just taken."""
        open_places = [place for place in (*self.places, *self._resting) if place not in self.errors]
        value = {place: self.traces[place][-1] for place in open_places if self.traces[place]}
        return Step(step, steps, value, self.stimulus, self.errors)

    def stimulus(self, place: int) -> dict[StreamName, Array]:
        """The finished part of a unit's stimulus as it is now: (D, T, H, W) by stream."""
        if place in self._resting:
            x = self._resting[place][2]
        else:
            x = {name: value[self.places.index(place)] for name, value in self.x.items()}
        return {name: to_array(canvas.crop(x[name])) for name, canvas in self.canvases.items()}

    def move(
        self, gradient: Mapping[StreamName, Tensor], size: float, forget: float, fading: float, progress: float
    ) -> None:
        """One step uphill in every stream, of root mean square `size` in units of the stream's bound, from a stimulus
        of which a share is forgotten, and `fading` more where it is out of focus.
        """
        for name, x in self.x.items():
            prior = self.priors[name]
            prior.at(progress)
            if name in self.focus:
                prior = self.focus[name].on(prior, gradient[name])
                x.mul_(1 - prior.fading(fading))
            x.mul_(1 - forget)
            x.add_(self.optimizers[name].direction(gradient[name], prior), alpha=size * self.bounds[name])
            self.canvases[name].project(x)

    def rest(self, places: Iterable[int], why: str) -> None:
        """These units have come to their end: nothing more is computed for them, and their stimuli are kept."""
        for place in places:
            item = self.places.index(place)
            self._resting[place] = (self.units[item], self.a_hat[item], {n: x[item] for n, x in self.x.items()})
            self.notes[place] = why
        self._leave(set(places))

    def drop(self, places: set[int]) -> None:
        """Forgets these units."""
        for place in places & self._resting.keys():
            del self._resting[place]
        self._leave(places)

    def gather(self) -> None:
        """All units that came to their end, those that rest too, for the last look."""
        for place, (unit, a_hat, x) in self._resting.items():
            self.places.append(place)
            self.units = torch.cat([self.units, unit[None]])
            self.a_hat = torch.cat([self.a_hat, a_hat[None]])
            self.x = {name: torch.cat([value, x[name][None]]) for name, value in self.x.items()}
        self._resting = {}

    def _leave(self, places: set[int]) -> None:
        if places.isdisjoint(self.places):
            return
        kept = [i for i, place in enumerate(self.places) if place not in places]
        index = torch.tensor(kept, dtype=torch.long, device=self.units.device)
        self.places = [self.places[i] for i in kept]
        self.units, self.a_hat = self.units[index], self.a_hat[index]
        self.x = {name: x[index] for name, x in self.x.items()}
        self.views = None if self.views is None else self.views[:, index]
        for optimizer in self.optimizers.values():
            optimizer.keep(index)
        for focus in self.focus.values():
            focus.keep(index)
