"""Climb J over the parameters of scenes: random starts, the best of them for some steps, and the best of those.

    1. DRAWS random scenes of each kind are ranked by the unit's activation.
    2. The best STARTS of each kind climb FIRST_SHARE of the steps. One figure is preferred: another kind climbs only
       where its best random scene has the lead, and takes its place only where its J is then higher by a margin.
    3. The winner climbs all steps.

Leads and margins are in standard deviations of the unit's activation over the random scenes. Steps are Adam's, on J
less what is implausible of the scene times that standard deviation.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from math import cos, pi

import torch
from torch import Tensor

from worker.maximize.canvas import InputName
from worker.maximize.figure.plausibility import implausibility, weighted
from worker.maximize.figure.rendering import COARSE_FLOW, Drawn, draw, draw_appearance
from worker.maximize.figure.scene import (
    BALL,
    KINDS,
    ONE_FIGURE,
    STEP_SIZES,
    TWO_FIGURES,
    Kind,
    draw_parameters,
)
from worker.maximize.objective_function import ObjectiveFunction
from worker.maximize.transforms import RandomViews

DRAWS = {ONE_FIGURE: 110, TWO_FIGURES: 20, BALL: 10}
STARTS = {ONE_FIGURE: 3, TWO_FIGURES: 1, BALL: 1}
MARGINS = {ONE_FIGURE: 0.0, TWO_FIGURES: 1.5, BALL: 1.0}  # standard deviations of J over random scenes
LEADS = {TWO_FIGURES: -1.0, BALL: 0.0}  # by which the best random scene must be ahead to climb, in these too
FIRST_SHARE = 0.25  # of the steps, that every start climbs
SOFTNESS = (2.2, 1.3, 0.7)  # pixels of 112: of edges at the first step, when the winner starts, and at the last
NOISE = 0.1  # of the inputs while climbing, in units of their bound: what depends on fine detail does not count
BETAS = (0.9, 0.97)
LAST_STEP = 0.05  # share of the first step's size

Watch = Callable[[int, int, Drawn, float], None]  # a step, of how many, what was drawn, and its J


class Stopped(Exception):
    """Nobody waits for this item any more."""


@dataclass
class Scene:
    """A scene that climbs: its kind, its parameters (a batch of one), and J of each step's view."""

    kind: Kind
    parameters: dict[str, Tensor]
    trace: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Studio:
    """What draws scenes for a function's inputs: pictures of `side` pixels, and `fields` flow fields."""

    function: ObjectiveFunction
    appearance: InputName
    motion: InputName
    side: int
    fields: int

    @classmethod
    def of(cls, function: ObjectiveFunction) -> "Studio":
        """Return that of a function with two canvases, an image and flow, of the same square size."""
        canvases = function.model.canvases
        (motion,) = (name for name, canvas in canvases.items() if canvas.is_flow)
        (appearance,) = (name for name in canvases if name != motion)
        return cls(function, appearance, motion, canvases[motion].height, canvases[motion].frames)

    def draw(self, scene: Scene, softness: float, view: Tensor | None = None) -> Drawn:
        """Return a scene through a view, with coarse flow; softness is that of a picture of 112 pixels."""
        return draw(
            scene.parameters,
            scene.kind,
            self.side,
            self.fields,
            softness=softness * self.side / 112,
            view=view,
            reduction=COARSE_FLOW,
        )

    def draw_finished(self, scene: Scene) -> Drawn:
        """Return a scene with sharp edges and fine flow."""
        return draw(scene.parameters, scene.kind, self.side, self.fields, softness=SOFTNESS[-1] * self.side / 112)

    def stimulus(self, drawn: Drawn) -> dict[InputName, Tensor]:
        return {self.appearance: drawn.appearance, self.motion: drawn.flow}

    @torch.no_grad()
    def frames(self, scene: Scene) -> Tensor:
        """Return the picture at every frame, (3, T, H, W)."""
        drawn = self.draw_finished(scene)
        pixels = SOFTNESS[-1] * self.side / 112
        pictures = [
            draw_appearance(scene.parameters, scene.kind, drawn.bodies, drawn.camera, self.side, frame, softness=pixels)
            for frame in range(self.fields + 1)
        ]
        return torch.cat(pictures, 2)[0]


@dataclass(frozen=True)
class Ratings:
    """How much an item is excited by each of some scenes, and how implausible these are."""

    gains: tuple[float, ...]
    implausibility: tuple[float, ...]

    @property
    def spread(self) -> float:
        """Return the standard deviation of the gains."""
        return float(torch.tensor(self.gains).std())

    def rank(self, scenes: Sequence[Scene]) -> list[tuple[float, Scene]]:
        """Return scenes with their gain less what is implausible, the best first."""
        merits = (gain - self.spread * lost for gain, lost in zip(self.gains, self.implausibility, strict=True))
        return sorted(zip(merits, scenes, strict=True), key=lambda each: -each[0])


def draw_starts(seed: int, frames: int, draws: Mapping[Kind, int], like: Tensor) -> list[Scene]:
    """Return random scenes of every kind, those of a kind always the same for a seed, on the device of `like`."""
    scenes = []
    for number, kind in enumerate(KINDS):
        generator = torch.Generator().manual_seed(seed * len(KINDS) + number)
        for _ in range(draws.get(kind, 0)):
            drawn = draw_parameters(kind, frames, generator)
            scenes.append(Scene(kind, {name: value.to(like) for name, value in drawn.items()}))
    return scenes


@torch.no_grad()
def rate_starts(studio: Studio, scenes: Sequence[Scene], items: Sequence[int]) -> dict[int, "Ratings"]:
    """Return the ratings of scenes for each item."""
    found: dict[int, list[float]] = {item: [] for item in items}
    lost: list[float] = []
    for scene in scenes:
        drawn = studio.draw(scene, SOFTNESS[1])
        stimulus = studio.stimulus(drawn)
        activations = studio.function.model.activations(stimulus, reduced=True)
        for item in items:
            index = torch.tensor([item], device=studio.function.scale.device)
            found[item].append(float(studio.function.objective(activations, index) / studio.function.scale[index]))
        lost.append(float(weighted(implausibility(scene.parameters, drawn.bodies, drawn.camera, studio.side))))
    return {item: Ratings(tuple(gains), tuple(lost)) for item, gains in found.items()}


def climb(
    studio: Studio,
    scene: Scene,
    item: int,
    steps: int,
    spread: float,
    views: Tensor | None,
    softness: Sequence[float],
    observe: Callable[[Drawn, float], None],
) -> None:
    """Take steps from a scene, in place; `views` are (steps, 1, 2, 3)."""
    parameters = {name: value.detach().clone().requires_grad_() for name, value in scene.parameters.items()}
    scene.parameters = parameters
    groups = [{"params": [value], "lr": STEP_SIZES[name.split("_")[0]]} for name, value in parameters.items()]
    optimizer = torch.optim.Adam(groups, betas=BETAS)
    first_sizes = [group["lr"] for group in optimizer.param_groups]
    index = torch.tensor([item], device=studio.function.scale.device)
    canvases, noise = studio.function.model.canvases, torch.Generator().manual_seed(steps)
    for step in range(steps):
        progress = step / steps
        for group, size in zip(optimizer.param_groups, first_sizes, strict=True):
            group["lr"] = size * (LAST_STEP + (1 - LAST_STEP) * (1 + cos(pi * progress)) / 2)
        soft = softness[0] * (softness[1] / softness[0]) ** min(1, progress / 0.7)
        drawn = studio.draw(scene, soft, None if views is None else views[step])
        stimulus = studio.stimulus(drawn)
        noisy = {
            name: picture.detach()
            + torch.randn(picture.shape, generator=noise).to(picture) * NOISE * canvases[name].bound
            for name, picture in stimulus.items()
        }
        found = studio.function.value_and_grad(noisy, None, index)
        loss = spread * weighted(implausibility(parameters, drawn.bodies, drawn.camera, studio.side)).sum()
        for name, picture in stimulus.items():
            loss = loss - (picture * found.gradient[name].detach()).sum()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        for value in parameters.values():
            if value.grad is not None:
                value.grad.nan_to_num_(0, 0, 0)
        optimizer.step()
        scene.trace.append(float(found.value[0]))
        observe(drawn, scene.trace[-1])
    scene.parameters = {name: value.detach() for name, value in parameters.items()}


@torch.no_grad()
def merit(studio: Studio, scene: Scene, item: int, spread: float) -> float:
    """Return J of a scene without a view, less what is implausible."""
    drawn = studio.draw(scene, SOFTNESS[1])
    index = torch.tensor([item], device=studio.function.scale.device)
    value, _ = studio.function.evaluate(studio.stimulus(drawn), index)
    lost = weighted(implausibility(scene.parameters, drawn.bodies, drawn.camera, studio.side))
    return float(value[0]) - spread * float(lost[0])


def choose(merits: Sequence[tuple[float, Scene]], spread: float) -> Scene:
    """Return the best scene of one figure, or that of another kind which is better by its margin."""
    _, scene = max(((value - MARGINS[scene.kind] * spread, scene) for value, scene in merits), key=lambda each: each[0])
    return scene


def find_scene(
    studio: Studio,
    item: int,
    seed: int,
    steps: int,
    views: RandomViews,
    scenes: Sequence[Scene],
    ratings: Ratings,
    observe: Watch,
) -> Scene:
    """Return the scene of an item, from rated random scenes. `observe` sees every step, and may raise Stopped."""
    spread, ranked = ratings.spread, ratings.rank(scenes)
    ranked_figures = [rating for rating, scene in ranked if scene.kind == ONE_FIGURE]
    starts: list[Scene] = []
    for kind, number in STARTS.items():
        of_kind = [(rating, scene) for rating, scene in ranked if scene.kind == kind][:number]
        if kind in LEADS:
            to_beat = ranked_figures[0] + LEADS[kind] * spread
            of_kind = [(rating, scene) for rating, scene in of_kind if rating > to_beat]
        starts += [scene for _, scene in of_kind]
    generator = torch.Generator().manual_seed(seed)
    first = max(1, round(FIRST_SHARE * steps))
    total, taken = len(starts) * first + steps, count(1)

    def watch(drawn: Drawn, value: float) -> None:
        observe(next(taken), total, drawn, value)

    merits = []
    for start in starts:
        scene = Scene(start.kind, start.parameters)
        climb(studio, scene, item, first, spread, views.draw([generator], first), SOFTNESS[:2], watch)
        merits.append((merit(studio, scene, item, spread), scene))
    winner = choose(merits, spread)
    climb(studio, winner, item, steps, spread, views.draw([generator], steps), SOFTNESS[1:], watch)
    return winner
