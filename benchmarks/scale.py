"""Measure the time of a step for one unit against the batch, the size of the stimulus and the depth of the layer.

python -m benchmarks.scale --batches 1 4 16 64 --sizes 96 160 224
"""

import argparse
from time import perf_counter

import torch

from app.contract.recipe import Recipe
from benchmarks.vgg import PRECISIONS, machine, make_network, make_vgg
from worker.maximize.from_recipe import maximize_units
from worker.networks.network import Network

LAYERS_BY_DEPTH = ("conv1_2", "conv2_2", "conv3_3", "conv4_3", "conv5_3")


def milliseconds(network: Network, layer: str, recipe: Recipe, batch: int) -> float:
    """Return the time of one step for one unit, without start and finish: the difference of a long and a short run."""

    def seconds(steps: int) -> float:
        recipes = [recipe.model_copy(update={"steps": steps})] * batch
        started = perf_counter()
        maximize_units(network, layer, [unit % 64 for unit in range(batch)], recipes)
        return perf_counter() - started

    seconds(1)  # makes the cone
    assert recipe.steps is not None
    short, long = 2, 2 + recipe.steps
    return 1e3 * (seconds(long) - seconds(short)) / (recipe.steps * batch)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", nargs="+", type=int, default=(1, 4, 16, 64))
    parser.add_argument("--sizes", nargs="+", type=int, default=(96, 160, 224))
    parser.add_argument("--layers", nargs="+", default=LAYERS_BY_DEPTH)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", choices=tuple(PRECISIONS), default="bf16")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    vgg = make_vgg(None).requires_grad_(False)
    network = make_network(vgg, PRECISIONS[options.precision])
    print(machine())
    print("ms a unit and step")
    for objective in ("center", "channel"):
        for layer in options.layers:
            recipe = Recipe(objective=objective, steps=options.steps)
            batches = options.batches if objective == "center" else [b for b in options.batches if b <= 4]
            words = [f"batch {b}: {milliseconds(network, layer, recipe, b):.2f}" for b in batches]
            print(f"{objective:8} {layer:8} {'   '.join(words)}", flush=True)
    for size in options.sizes:
        recipe = Recipe(objective="channel", steps=options.steps, size=size)
        print(f"channel  conv4_3  size {size}: {milliseconds(network, 'conv4_3', recipe, 1):.2f}", flush=True)


if __name__ == "__main__":
    main()
