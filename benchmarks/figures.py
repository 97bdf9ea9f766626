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
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from app.contract.network import CLASS_LAYER, StreamName
from app.contract.recipe import Recipe
from benchmarks.motion_reality import coupling, moving_share
from worker.maximize.figure.climb import DRAWS, Scene, Studio, draw_starts, find_scene, rate_starts
from worker.maximize.from_recipe import make_function, make_model, make_views
from worker.networks.load import load_network, make_card
from worker.networks.network import Network
from worker.networks.registry import find_family
from worker.render.flow_color import direction_colors
from worker.render.stimulus import rgb_pixels
from worker.shipped.paths import WEIGHTS_FOLDER
from worker.video.flow import FLOW_UNIT_PX

JUDGES = {"judge": "mocap_judge", "control": "mocap_two_stream"}
LABEL_PX, GAP_PX = 18, 6

Row = tuple[str, np.ndarray]  # a label, and pictures side by side


def load_shipped_network(name: str, family: str) -> Network:
    weights = (WEIGHTS_FOLDER / f"mocap_{name}.safetensors").read_bytes()
    known = find_family(family)
    return load_network(make_card(known, weights, known.labels, slug=name), weights)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", nargs="*", default=[])
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    parser.add_argument("--steps", type=int)
    parser.add_argument("--sheet", type=Path, help="a picture of three frames, two flow fields, and the best start")
    options = parser.parse_args()
    torch.set_num_threads(1)
    network = load_shipped_network("default", "mocap_two_stream")
    judges = {name: load_shipped_network(name, family) for name, family in JUDGES.items()}
    classes = list(network.card.classes)
    units = [classes.index(name) for name in options.units or classes]
    tally: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    rows: list[Row] = []
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
                save_sheet(rows, options.sheet)
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


def draw_row(studio: Studio, scene: Scene, start: Scene) -> np.ndarray:
    with torch.no_grad():
        flow = studio.draw_finished(scene).flow[0].numpy() * FLOW_UNIT_PX
    frames = rgb_pixels(studio.frames(scene).numpy())
    colours = direction_colors(flow)
    middle = rgb_pixels(studio.frames(start).numpy())[studio.fields // 2]
    pictures = [*(frames[len(frames) * k // 6] for k in (0, 1, 3, 5)), colours[2], colours[7], middle]
    return np.concatenate(pictures, 1)


def save_sheet(rows: Sequence[Row], path: Path, columns: int = 2) -> None:
    height, width = rows[0][1].shape[:2]
    sheet = Image.new("RGB", (columns * (width + GAP_PX), -(-len(rows) // columns) * (height + LABEL_PX)), (14, 14, 18))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for index, (label, picture) in enumerate(rows):
        left, top = index % columns * (width + GAP_PX), index // columns * (height + LABEL_PX)
        draw.text((left + 4, top + 1), label, (220, 220, 220), font)
        sheet.paste(Image.fromarray(picture), (left, top + LABEL_PX))
    sheet.save(path, quality=85, method=6)


if __name__ == "__main__":
    main()
