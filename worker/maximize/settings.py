"""How the loop climbs: its schedule, and what turns gradients into steps."""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi

from torch import Tensor

from worker.maximize.canvas import Canvas
from worker.maximize.focus import Focus
from worker.maximize.optimizers import Momentum, OptimizerFactory
from worker.maximize.parameterizations import ParameterizationFactory, Pixel
from worker.maximize.transforms import RandomViews

DEFOCUS_DECAY = 0.15  # share by which positions out of focus decay at the first step; falls with the step size


@dataclass(frozen=True)
class Schedule:
    """How many steps there are, and how their size and the weight decay fall over the run."""

    steps: int = 72
    step_size: float = 0.17  # root mean square of the first step, in units of the bound
    weight_decay: float = 0.3  # share of the stimulus that fades at the first step
    weight_decay_until: float = 0.75  # share of the run after which nothing fades
    tolerance: float = 0.0  # an item converges when J gains less than this share of its rise; 0: never

    def step_size_at(self, progress: float) -> float:
        """Return the step size, which falls along a cosine to zero; progress runs from 0 to 1."""
        return self.step_size * _cosine(progress)

    def weight_decay_at(self, progress: float) -> float:
        """Return the weight decay, which falls linearly to zero."""
        return self.weight_decay * max(0, 1 - progress / self.weight_decay_until)

    def defocus_decay_at(self, progress: float) -> float:
        """Return the additional decay of positions out of focus, which falls as the step size does."""
        return DEFOCUS_DECAY * _cosine(progress)

    @property
    def convergence_from_step(self) -> int:
        """Return the first step at which J can have converged: not while the stimulus is fading."""
        return round(self.weight_decay_until * self.steps) if self.weight_decay else 0


def _cosine(progress: float) -> float:
    return (1 + cos(pi * progress)) / 2


@dataclass(frozen=True)
class Settings:
    """A schedule, a parameterization, an optimizer, random views, and a focus where one is wanted."""

    schedule: Schedule = Schedule()
    parameterization: ParameterizationFactory = Pixel
    optimizer: OptimizerFactory = Momentum
    transform: RandomViews = RandomViews()  # noqa: RUF009 - frozen
    focus: Callable[[Canvas, Tensor], Focus] | None = None
    shares_focus: bool = False  # one focus map for all inputs, which then have one height and width
    is_implicit: bool = False  # steps are implicit in the temporal term of J
