"""How a gradient becomes a step. Each optimizer keeps its running averages for one input of a batch."""

from collections.abc import Callable, Mapping
from typing import Protocol

from torch import Tensor

from worker.maximize.parameterizations import Parameterization
from worker.maximize.temporal_step import StiffTerm

MIN_FRAME_RMS = 0.1  # added to a frame's share of the root mean square: a faint frame is brought up ten times at most


def normalize(x: Tensor) -> Tensor:
    """Return (B, ...) with root mean square 1 for every item; zero stays zero."""
    dims = tuple(range(1, x.ndim))
    x = x / x.abs().amax(dims, keepdim=True).clamp_min(1e-30)  # squares of small gradients would underflow
    return x / x.square().mean(dims, keepdim=True).sqrt().clamp_min(1e-30)


def rms(x: Tensor) -> Tensor:
    """Return the root mean square of every item, (B, ...) to (B,)."""
    largest = x.flatten(1).abs().amax(1)  # squares of small gradients would underflow
    shares = x.flatten(1) / largest.clamp_min(1e-30)[:, None]
    return largest * shares.square().mean(1).sqrt()


def equalize_frames(coefficients: Tensor, share: float) -> Tensor:
    """Return coefficients (B, D, T, H, W) with frames brought towards the same root mean square.

    Frame t, of root mean square r_t, is multiplied by (r / (r_t + r / 10))^share, with r that of all frames. A network
    that pads time with zeros makes the gradient steep in the first and last frames and weak between them.
    """
    if not share or coefficients.shape[2] == 1:
        return coefficients
    return normalize(coefficients) * frame_weights(coefficients, share)


def frame_weights(coefficients: Tensor, share: float) -> Tensor:
    """Return what `equalize_frames` multiplies frames by, (B, 1, T, 1, 1)."""
    if not share or coefficients.shape[2] == 1:
        return coefficients.new_ones((len(coefficients), 1, 1, 1, 1))
    rms_of_frames = normalize(coefficients).square().mean((1, 3, 4), keepdim=True).sqrt()
    return (rms_of_frames + MIN_FRAME_RMS).pow(-share)


class Optimizer(Protocol):
    """Turns the gradients of a batch into steps."""

    def direction(self, gradient: Tensor, parameterization: Parameterization, stiff: StiffTerm | None = None) -> Tensor:
        """Return the next step of the stimulus for a gradient (B, D, T, H, W), in units of the step size.

        With `stiff`, the gradient is that of all other terms of J: for optimizers whose steps are in proportion to P g,
        see Momentum.
        """

    def keep(self, rows: Tensor) -> None:
        """Forget all items but those at these batch indices."""


class Momentum:
    """Each item's shaped gradient P g at root mean square 1, averaged over about ten steps.

    Where J has a stiff term, c (I + c h P L)^-1 P g takes the place of P g, with c such that its root mean square is 1,
    and the first steps are averaged with equal weights: the very first may be without the term, and would push the
    stimulus where it pulls back from. The cosine schedule of the step size, not the gradient's length, brings it to
    rest.
    """

    decay = 0.9

    def __init__(self, frame_equalization: float = 0.0) -> None:
        self.frame_equalization = frame_equalization
        self.velocity: Tensor | None = None
        self.scale: Tensor | None = None  # (B,): c of the last step
        self.steps = 0.0  # that the average counts, the older the less: ten at most

    def direction(self, gradient: Tensor, parameterization: Parameterization, stiff: StiffTerm | None = None) -> Tensor:
        if stiff is not None:
            step = self._implicit_step(gradient, parameterization, stiff)
            self.steps = 1 + self.decay * self.steps
            share = 1 / self.steps
        else:
            z = equalize_frames(parameterization.coefficients(gradient), self.frame_equalization)
            step, share = normalize(parameterization.stimulus(z)), 1 - self.decay
        self.velocity = step if self.velocity is None else self.velocity.lerp(step, share)
        return self.velocity

    def _implicit_step(self, gradient: Tensor, parameterization: Parameterization, stiff: StiffTerm) -> Tensor:
        z = parameterization.coefficients(gradient)
        weights = frame_weights(z, self.frame_equalization)
        shaped = parameterization.stimulus((z - parameterization.coefficients(stiff.pull)) * weights)
        if self.scale is None:
            self.scale = 1 / rms(shaped).clamp_min(1e-30)
        step, self.scale = stiff.solve(shaped, self.scale, weights.flatten(1).amax(1))
        return step

    def keep(self, rows: Tensor) -> None:
        self.velocity = None if self.velocity is None else self.velocity[rows]
        self.scale = None if self.scale is None else self.scale[rows]


class Adam:
    """Adam (Kingma and Ba 2015, arXiv 1412.6980) on the coefficients, each step at root mean square 1."""

    beta1, beta2, epsilon = 0.9, 0.999, 1e-8

    def __init__(self, frame_equalization: float = 0.0) -> None:
        self.frame_equalization = frame_equalization
        self.steps = 0
        self.mean: Tensor | None = None
        self.square: Tensor | None = None

    def direction(self, gradient: Tensor, parameterization: Parameterization, stiff: StiffTerm | None = None) -> Tensor:
        z = normalize(equalize_frames(parameterization.coefficients(gradient), self.frame_equalization))
        self.steps += 1
        self.mean = z * (1 - self.beta1) if self.mean is None else self.mean.lerp(z, 1 - self.beta1)
        square = z.square()
        self.square = square * (1 - self.beta2) if self.square is None else self.square.lerp(square, 1 - self.beta2)
        mean = self.mean / (1 - self.beta1**self.steps)
        deviation = (self.square / (1 - self.beta2**self.steps)).sqrt()
        return normalize(parameterization.stimulus(mean / (deviation + self.epsilon)))

    def keep(self, rows: Tensor) -> None:
        self.mean = None if self.mean is None else self.mean[rows]
        self.square = None if self.square is None else self.square[rows]


OptimizerFactory = Callable[[], Optimizer]
OPTIMIZERS: Mapping[str, type[Momentum] | type[Adam]] = {"momentum": Momentum, "adam": Adam}
