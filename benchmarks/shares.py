"""Measure what a step of the engine consists of, layer by layer of a VGG-16: operators, and the share of convolutions.

PyTorch's profiler records a long and a short run of the public path; their difference leaves out start and finish.

    python -m benchmarks.shares --layers conv2_2 conv5_3 --objectives center --units 1 8
"""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch.autograd.profiler_util import FunctionEventAvg
from torch.profiler import ProfilerActivity, profile

from app.contract.recipe import Recipe
from benchmarks.vgg import LAYERS, PRECISIONS, machine, make_network, make_vgg
from worker.maximize.from_recipe import maximize_units
from worker.networks.network import Network

CONVOLUTION_NAMES = ("conv", "mkldnn", "addmm", "im2col", "col2im")  # in operators that compute convolutions


@dataclass(frozen=True)
class StepCost:
    operators: float  # a step, those that others call included
    milliseconds: float  # a step, while it is profiled
    convolution_share: float  # of the milliseconds

    @classmethod
    def between(cls, long: Iterable[FunctionEventAvg], short: Iterable[FunctionEventAvg], steps: int) -> "StepCost":
        """Return the cost of a step from the events of two runs, of which one is `steps` steps longer."""
        operators = time = convolutions = 0.0
        for sign, events in ((1, long), (-1, short)):
            for event in events:
                spent = sign * (event.self_cpu_time_total + event.self_device_time_total)
                operators += sign * event.count
                time += spent
                convolutions += spent * any(word in str(event.key) for word in CONVOLUTION_NAMES)
        return cls(operators / steps, time / steps / 1e3, convolutions / time)


def profile_steps(network: Network, layer: str, recipe: Recipe, units: Sequence[int], steps: int) -> StepCost:
    """Return the cost of a step for these units."""
    activities = [ProfilerActivity.CPU, *[ProfilerActivity.CUDA] * torch.cuda.is_available()]

    def events(steps: int) -> Iterable[FunctionEventAvg]:
        recipes = [recipe.model_copy(update={"steps": steps})] * len(units)
        with profile(activities=activities) as profiler:
            maximize_units(network, layer, units, recipes)
        averages: Iterable[FunctionEventAvg] = profiler.key_averages()
        return averages

    events(1)  # makes the cone
    return StepCost.between(events(2 + steps), events(2), steps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", nargs="+", default=("conv1_2", *LAYERS))
    parser.add_argument("--objectives", nargs="+", default=("center", "channel"))
    parser.add_argument("--units", nargs="+", type=int, default=(1, 8), help="how many units at once")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", choices=tuple(PRECISIONS), default="fp32")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    precision = PRECISIONS[options.precision]
    network = make_network(make_vgg(None).requires_grad_(False), precision)
    print(machine())
    for objective in options.objectives:
        for layer in options.layers:
            recipe = Recipe(objective=objective)
            for count in options.units:
                cost = profile_steps(network, layer, recipe, range(count), options.steps)
                print(
                    f"{objective:8} {layer:8} units {count}: {cost.operators:5.0f} operators a step, "
                    f"{cost.milliseconds:7.1f} ms, convolutions {cost.convolution_share:.0%}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
