"""Compare scenes that the prior `figure` finds with figures in random poses, by the judge and the control network.

    python -m benchmarks.figures --seeds 0 --units walk kick jump
    python -m benchmarks.figures --seeds 0 1 --sheet figures.png

Three rows of the same scenes, all of the kind that the climb chose:

    climbed   what the recipe gives
    best      the best of the random scenes that it started from, not climbed: poses that the network chose
    random    one random scene that nothing chose

`default`, `judge` and `control` are the shares that these networks assign to the class; `moving` and `coupling` are
those of `benchmarks/motion_reality.py`. Before that, a line a class tells what the three networks see in each row.
"""

import argparse
from collections import defaultdict
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import torch
from PIL import Image

from app.contract.network import CLASS_LAYER, StreamName
from app.contract.recipe import Recipe
from benchmarks.contact_sheet import save_sheet
from benchmarks.motion_reality import coupling, moving_share
from benchmarks.shipped_networks import load_shipped
from worker.maximize.figure.climb import DRAWS, Scene, Studio, draw_starts, find_scene, rate_starts
from worker.maximize.from_recipe import make_function, make_model, make_views
from worker.networks.network import Network
from worker.render.flow_color import direction_colors
from worker.render.stimulus import rgb_pixels
from worker.video.flow import FLOW_UNIT_PX

JUDGES = ("judge", "control")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", nargs="*", default=[])
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    parser.add_argument("--steps", type=int)
    parser.add_argument("--sheet", type=Path, help="a picture of three frames, two flow fields, and the best start")
    options = parser.parse_args()
    torch.set_num_threads(1)
    network = load_shipped("default")
    judges = {name: load_shipped(name) for name in JUDGES}
    classes = list(network.card.classes)
    units = [classes.index(name) for name in options.units or classes]
    tally: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    rows: list[tuple[str, Image.Image]] = []  # labels, and pictures side by side
    for seed in options.seeds:
        recipe = Recipe(prior="figure", seed=seed, steps=options.steps).resolved(network.card)
        recipe = recipe.in_pixels(network.card, CLASS_LAYER)
        views = make_views(recipe)
        still = recipe.model_copy(update={"jitter": 0})
        model, _ = make_model(network, CLASS_LAYER, still)
        function = make_function(network, CLASS_LAYER, still, model, units)
        studio = Studio.of(function)
        starts = draw_starts(seed, studio.fields + 1, DRAWS, function.scale)
        ratings = rate_starts(studio, starts, range(len(units)))
        for item, unit in enumerate(units):
            begin, cpu = perf_counter(), process_time()
            climbed = find_scene(
                studio, item, seed, recipe.steps, views, starts, ratings[item], lambda step, steps, drawn, value: None
            )
            seconds, cpu = perf_counter() - begin, process_time() - cpu
            alike = [scene for _, scene in ratings[item].rank(starts) if scene.kind == climbed.kind]
            unchosen = [scene for scene in starts if scene.kind == climbed.kind][item % DRAWS[climbed.kind]]
            told = [classes[unit], climbed.kind.name]
            for name, scene in (("climbed", climbed), ("best", alike[0]), ("random", unchosen)):
                told += measure(studio, scene, unit, network, judges, tally[name])
            tally["climbed"]["seconds"].append(seconds)
            tally["climbed"]["cpu seconds"].append(cpu)
            print(seed, *told, f"{seconds:.0f} s", flush=True)
            rows.append((" ".join(told[:4]), draw_row(studio, climbed, alike[0])))
            if options.sheet:
                save_sheet(rows, options.sheet, columns=2)
    for name, values in tally.items():
        told = [f"{key} {np.mean(each):.2f}" for key, each in values.items()]
        print(f"{name}, n = {len(values['default'])}:", ", ".join(told))


@torch.no_grad()
def measure(
    studio: Studio,
    scene: Scene,
    unit: int,
    network: Network,
    judges: dict[str, Network],
    tally: dict[str, list[float]],
) -> list[str]:
    """Add what is measured of a scene, and return the classes that the networks assign."""
    drawn = studio.draw_finished(scene)
    inputs = {
        StreamName.APPEARANCE: drawn.appearance[:, :, 0],
        StreamName.MOTION: drawn.flow.transpose(1, 2).flatten(1, 2),
    }
    answers = []
    for name, each in {"default": network, **judges}.items():
        answer = int(each.module(inputs)[0].argmax())
        tally[name].append(float(answer == unit))
        answers.append(f"{name}: {network.card.classes[answer]}")
    appearance, flow = drawn.appearance[0].numpy(), drawn.flow[0].numpy()
    tally["moving"].append(moving_share(flow))
    tally["coupling"].append(coupling(appearance, flow))
    return answers


def draw_row(studio: Studio, scene: Scene, start: Scene) -> Image.Image:
    with torch.no_grad():
        flow = studio.draw_finished(scene).flow[0].numpy() * FLOW_UNIT_PX
    frames = rgb_pixels(studio.frames(scene).numpy())
    colours = direction_colors(flow)
    middle = rgb_pixels(studio.frames(start).numpy())[studio.fields // 2]
    pictures = [*(frames[len(frames) * k // 6] for k in (0, 1, 3, 5)), colours[2], colours[7], middle]
    return Image.fromarray(np.concatenate(pictures, 1))


if __name__ == "__main__":
    main()
