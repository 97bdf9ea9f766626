"""How the gradient becomes a step. Each optimizer keeps its memory for one stream of a batch of units."""

from collections.abc import Callable, Mapping
from typing import Protocol

from torch import Tensor

from worker.maximize.priors import Prior

FAINT = 0.1  # share of the whole root mean square: the gradient of a fainter frame is not brought up all the way


def normalised(x: Tensor) -> Tensor:
    """Root mean square 1 for every unit of (B, ...); zero stays zero."""
    dims = tuple(range(1, x.ndim))
    x = x / x.abs().amax(dims, keepdim=True).clamp_min(1e-30)  # squares of small gradients would underflow
    return x / x.square().mean(dims, keepdim=True).sqrt().clamp_min(1e-30)


def evened(coefficients: Tensor, share: float) -> Tensor:
    """Frames of (B, D, T, H, W) brought towards the same root mean square: that of frame t, r_t, is multiplied by
    (r / (r_t + r / 10))^share, with r that of all frames. Time with zeros around it makes the first and last frames
    steep and those between them dull.
    """
    if not share or coefficients.shape[2] == 1:
        return coefficients
    x = normalised(coefficients)
    return x * (x.square().mean((1, 3, 4), keepdim=True).sqrt() + FAINT).pow(-share)


class Optimizer(Protocol):
    def direction(self, gradient: Tensor, prior: Prior) -> Tensor:
        """The next step of the stimulus for a gradient (B, D, T, H, W), in units of the step size."""
        ...

    def keep(self, kept: Tensor) -> None:
        """Forgets all units but those at these batch indices."""
        ...


class Momentum:
    """Each unit's gradient at root mean square 1, averaged over about ten steps. The cosine schedule of the step
    size, not the gradient's length, brings it to rest.
    """

    decay = 0.9

    def __init__(self, even: float) -> None:
        self.even = even
        self.velocity: Tensor | None = None

    def direction(self, gradient: Tensor, prior: Prior) -> Tensor:
        ahead = normalised(prior.stimulus(evened(prior.coefficients(gradient), self.even)))
        self.velocity = ahead if self.velocity is None else self.velocity.lerp(ahead, 1 - self.decay)
        return self.velocity

    def keep(self, kept: Tensor) -> None:
        self.velocity = None if self.velocity is None else self.velocity[kept]


class Adam:
    """Adam (Kingma and Ba 2015) on the prior's coefficients."""

    first, second = 0.9, 0.999

    def __init__(self, even: float) -> None:
        self.even = even
        self.steps = 0
        self.mean: Tensor | None = None
        self.square: Tensor | None = None

    def direction(self, gradient: Tensor, prior: Prior) -> Tensor:
        z = normalised(evened(prior.coefficients(gradient), self.even))
        self.steps += 1
        self.mean = z * (1 - self.first) if self.mean is None else self.mean.lerp(z, 1 - self.first)
        square = z.square()
        self.square = square * (1 - self.second) if self.square is None else self.square.lerp(square, 1 - self.second)
        mean = self.mean / (1 - self.first**self.steps)
        spread = (self.square / (1 - self.second**self.steps)).sqrt()
        return normalised(prior.stimulus(mean / (spread + 1e-8)))

    def keep(self, kept: Tensor) -> None:
        self.mean = None if self.mean is None else self.mean[kept]
        self.square = None if self.square is None else self.square[kept]


OPTIMIZERS: Mapping[str, Callable[[float], Optimizer]] = {"momentum": Momentum, "adam": Adam}
