"""Figures for the items of a batch: each gets the scene that maximizes it, and the results that the loop gives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from app.contract.errors import NotFinite, WorkError
from worker.maximize.canvas import InputName
from worker.maximize.figure.climb import DRAWS, Scene, Stopped, Studio, draw_starts, find_scene, rate_starts
from worker.maximize.figure.rendering import Drawn
from worker.maximize.figure.skeleton import JOINTS
from worker.maximize.measures import Array, to_array
from worker.maximize.microbatches import is_out_of_memory, out_of_memory
from worker.maximize.objective_function import ObjectiveFunction
from worker.maximize.objectives import Activations
from worker.maximize.result import Maximum, Observe, Results, Step
from worker.maximize.transforms import RandomViews

ASSUMED = "The figure is assumed; pose, motion and colours are found."

Trajectories = dict[str, tuple[tuple[float, float], ...]]  # x, y in every frame, by joint


@dataclass(frozen=True)
class FoundScene:
    """What a scene gives beside its stimulus: its picture at every frame (3, T, H, W), and where its joints are."""

    frames: Array
    trajectories: Trajectories


@dataclass(frozen=True)
class FigureAscent:
    """Finds scenes for the items of a function, one after the other; items of one seed share their random scenes."""

    function: ObjectiveFunction
    steps: int
    views: RandomViews
    names: Sequence[str]
    measure: Callable[[Activations, Tensor], Sequence[Tensor]]
    observe: Observe

    def __call__(self, seeds: Sequence[int]) -> tuple[Results, dict[int, FoundScene]]:
        """Return the maximum or the error of each item that was not dropped, and the scene of each maximum."""
        studio = Studio.of(self.function)
        results: dict[int, Maximum | WorkError] = {}
        scenes: dict[int, FoundScene] = {}
        dropped: set[int] = set()
        for seed in sorted(set(seeds)):
            items = [item for item, each in enumerate(seeds) if each == seed]
            starts = draw_starts(seed, studio.fields + 1, DRAWS, self.function.scale)
            ratings = rate_starts(studio, starts, items)
            for item in items:
                if item in dropped:
                    continue
                watch = _Watch(self, studio, item, results, dropped)
                try:
                    scene = find_scene(studio, item, seed, self.steps, self.views, starts, ratings[item], watch)
                    results[item], scenes[item] = self._finish(studio, scene, item)
                except Stopped:
                    continue
                except NotFinite as error:
                    results[item] = error
                except RuntimeError as error:
                    if not is_out_of_memory(error):
                        raise
                    results[item] = out_of_memory()
        return {item: results[item] for item in sorted(results) if item not in dropped}, scenes

    @torch.no_grad()
    def _finish(self, studio: Studio, scene: Scene, item: int) -> tuple[Maximum, FoundScene]:
        drawn = studio.draw_finished(scene)
        stimulus, index = studio.stimulus(drawn), torch.tensor([item], device=self.function.scale.device)
        objective, activations = self.function.evaluate(stimulus, index)
        without = {
            name: float(self.function.evaluate(stimulus | {name: torch.zeros_like(stimulus[name])}, index)[0])
            for name in stimulus
        }
        maximum = Maximum(
            {name: to_array(value[0]) for name, value in stimulus.items()},
            float(objective),
            tuple(float(value) for value in self.measure(activations, index)),
            tuple(scene.trace),
            (ASSUMED,),
            without,
        )
        return maximum, FoundScene(to_array(studio.frames(scene)), trajectories(drawn, studio.side))


@dataclass(frozen=True)
class _Watch:
    """Reports the steps of one item, and stops it where it is dropped."""

    ascent: FigureAscent
    studio: Studio
    item: int
    results: dict[int, Maximum | WorkError]
    dropped: set[int]

    def __call__(self, step: int, steps: int, drawn: Drawn, value: float) -> None:
        if value != value or abs(value) == float("inf"):
            raise NotFinite(f"J of {self.ascent.names[self.item]} overflows at step {step}. Try another seed.")

        def stimulus(item: int) -> dict[InputName, Array]:
            return {name: to_array(each[0]) for name, each in self.studio.stimulus(drawn).items()}

        errors = {item: each for item, each in self.results.items() if isinstance(each, WorkError)}
        self.dropped.update(self.ascent.observe(Step(step, steps, {self.item: value}, stimulus, errors)))
        if self.item in self.dropped:
            raise Stopped


def trajectories(drawn: Drawn, side: int) -> Trajectories:
    """Return the pixels of each joint of each figure in every frame, from the upper left corner, to a hundredth."""
    joints = drawn.bodies.joints
    if not joints.numel():
        return {}
    pixels, _ = drawn.camera.project(joints.transpose(1, 2))  # (1, T, F, J, 2)
    places = (pixels[0] + side / 2).tolist()
    return {
        f"figure {figure + 1} {joint.name}": tuple(
            (round(frame[figure][index][0], 2), round(frame[figure][index][1], 2)) for frame in places
        )
        for figure in range(joints.shape[1])
        for index, joint in enumerate(JOINTS)
    }
