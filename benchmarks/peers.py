"""Measure the time to equal objective J against other activation-maximization libraries.

All run on one network with the same weights: VGG-16, or the trained appearance stream of the shipped default network.
Every library runs with its own published settings (optimizer, parameterization, transformations); ours is the
public path worker.maximize.from_recipe.maximize_units with its default recipe. The runs of one case are interleaved,
`--rounds` times. Every picture is scored by our J (the recipe's objective of the whole image, or of its receptive field
for a single position, without random view). For each peer: the highest J that both reach, and the time each took to
reach it; the ratio of the medians is the figure.

    pip install torch-lucent torch-dreams xplique tensorflow-cpu      # or: pip install -e '.[bench]'
    python -m benchmarks.peers --layers conv3_3 --objectives center --units 1 --rounds 3
    python -m benchmarks.peers --network default --precision fp32

A library (peer) that is not installed is left out, with a line that says so.
"""

import argparse
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np
import torch

from app.contract.network import StreamName
from app.contract.recipe import Recipe, ResolvedRecipe
from benchmarks import appearance, vgg
from benchmarks.appearance import Appearance, make_default
from benchmarks.in_keras import keras_appearance, keras_vgg
from benchmarks.vgg import PRECISIONS, Vgg16, machine, make_network, make_vgg
from worker.maximize.cone import Cone
from worker.maximize.from_recipe import make_function, make_model, maximize_units
from worker.maximize.result import Step
from worker.networks.families.two_stream import TwoStream
from worker.networks.network import Network
from worker.networks.torchvision_operators import prepare_torchvision

clock: Callable[[], float] = perf_counter

# seconds since the start, and the images at that time: in [0, 1], (units, 3, size, size) or as large as the receptive
# field
Checkpoints = list[tuple[float, np.ndarray]]


@dataclass(frozen=True)
class Subject:
    """One network in three forms. Submodules of the plain module are named as layers are, without the stream."""

    network: Network
    module: Vgg16 | Appearance  # for libraries on PyTorch, of images normalised for ImageNet
    keras: Callable[[], Any]  # of images in [0, 1]
    layers: Sequence[str]  # of the network that are compared by default

    @property
    def size(self) -> int:
        return self.network.card.stimulus.height


@dataclass(frozen=True)
class Case:
    layer: str
    objective: str  # center or channel
    units: tuple[int, ...]

    @property
    def module(self) -> str:
        return "scores" if self.layer == "class" else self.layer.rpartition(".")[2]

    @property
    def is_map(self) -> bool:
        return self.module.startswith("conv")


def score(network: Network, case: Case, images: np.ndarray, recipe: ResolvedRecipe) -> float:
    """Return our J of images, mean over the units."""
    cone, _ = make_model(network, case.layer, recipe)
    function = make_function(network, case.layer, recipe, cone, case.units)
    x = torch.from_numpy(images).float()[:, :, None] * 2 - 1
    canvas = cone.canvases[StreamName.APPEARANCE]
    if x.shape[-1] > canvas.width:
        assert isinstance(cone, Cone)
        ((top, bottom), (left, right)) = cone.float32.input_windows[StreamName.APPEARANCE]
        x = x[..., top:bottom, left:right]
    stimulus = {StreamName.APPEARANCE: x}
    with torch.no_grad():
        activations, gain = function.gain(stimulus, torch.arange(len(x)), reduced=False, with_bn_prior=False)
        penalty, _ = function.penalties(stimulus, activations)
    return float((gain - penalty).mean())


def ours(network: Network, case: Case, recipe: ResolvedRecipe, checks: int, batch: int) -> Checkpoints:
    """Run our engine. Seconds are the case's share of those of the batch."""
    checkpoints: Checkpoints = []
    units = range(max(min(batch, network.card.layer(case.layer).units), len(case.units)))  # the case's own come first
    share = len(case.units) / len(units)
    started, away = clock(), 0.0  # seconds spent on checkpoints
    every = max(recipe.steps // checks, 1)

    def observe(step: Step) -> list[int]:
        nonlocal away
        if step.step % every == 0 or step.step == step.steps:
            now = clock()
            images = [step.stimulus(item)[StreamName.APPEARANCE][:, 0] / 2 + 0.5 for item in range(len(case.units))]
            checkpoints.append(((now - started - away) * share, np.stack(images)))
            away += clock() - now
        return []

    maximize_units(network, case.layer, units, [recipe] * len(units), observe=observe)
    return checkpoints


def lucent(subject: Subject, case: Case, steps: int, checks: int) -> Checkpoints:
    """Run torch-lucent with the defaults of its render_vis: Adam at .05 on a decorrelated 1/f image, with views."""
    import kornia
    from lucent.optvis import objectives, param, render

    for function in ("get_rotation_matrix2d", "warp_affine"):  # where the kornia that it was written for had them
        if not hasattr(kornia, function):
            setattr(kornia, function, getattr(kornia.geometry.transform, function))

    checkpoints: Checkpoints = []
    thresholds = sorted({max(1, round(steps * (i + 1) / checks)) for i in range(checks)})
    pick = objectives.neuron if case.objective == "center" and case.is_map else objectives.channel
    # its batch is one image a unit: they run together
    goal = sum(
        (pick(case.module, unit, batch=item) for item, unit in enumerate(case.units)),
        start=objectives.Objective(lambda m: 0),
    )
    stamps: list[float] = []
    keep = render.tensor_to_img_array

    def stamped(image: Any) -> Any:
        stamps.append(clock())
        return keep(image)

    render.tensor_to_img_array = stamped
    try:
        started = clock()
        images = render.render_vis(
            subject.module,
            goal,
            lambda: param.image(subject.size, batch=len(case.units)),
            thresholds=thresholds,
            show_image=False,
            progress=False,
            # smaller images would be enlarged to 224; its views are those of 12 pixels more on each side
            fixed_image_size=subject.size + 24 if subject.size < 224 else None,
        )
    finally:
        render.tensor_to_img_array = keep
    for stamp, image in zip(stamps, images, strict=False):
        checkpoints.append((stamp - started, np.moveaxis(np.asarray(image), -1, 1)))
    return checkpoints


def dreams(subject: Subject, case: Case, steps: int, checks: int) -> Checkpoints:
    """Run torch-dreams with its Dreamer's defaults, one image at a time, each checkpoint from the image before."""
    prepare_torchvision()
    from torch_dreams import Dreamer
    from torch_dreams.auto_image_param import AutoImageParam

    dreamer = Dreamer(subject.module, quiet=True, device="cpu")
    module = subject.module.get_submodule(case.module)
    seconds, images = np.zeros(checks), []
    for unit in case.units:

        def goal(outputs: Sequence[torch.Tensor], unit: int = unit) -> torch.Tensor:
            out = outputs[0][..., unit] if outputs[0].ndim < 3 else outputs[0][:, unit]
            if out.ndim > 1 and case.objective == "center":
                out = out[..., out.shape[-2] // 2, out.shape[-1] // 2]
            return -out.mean()

        image, own = AutoImageParam(subject.size, subject.size, device="cpu", standard_deviation=0.01), []
        for check in range(checks):
            started = clock()
            iters = max(1, steps // checks)
            image = dreamer.render([module], image_parameter=image, iters=iters, custom_func=goal)
            seconds[check:] += clock() - started
            own.append(image.to_chw_tensor().detach().numpy())
        images.append(np.stack(own))
    return [(float(seconds[check]), np.stack([own[check] for own in images])) for check in range(checks)]


def xplique(subject: Subject, case: Case, steps: int, checks: int) -> Checkpoints:
    """Run xplique's optimize() with its defaults: Adam at .05, a Fourier image of 512 pixels, its transformations."""
    import tensorflow as tf
    from xplique.features_visualizations import Objective as Goal
    from xplique.features_visualizations import optimize

    tf.config.threading.set_intra_op_parallelism_threads(torch.get_num_threads())
    model, name, size = subject.keras(), case.module, subject.size
    if case.objective == "center" and case.is_map:
        side, _, channels = model.get_layer(name).output.shape[1:]
        neurons = [(side // 2 * side + side // 2) * channels + unit for unit in case.units]
        goals = [Goal.neuron(model, name, neuron) for neuron in neurons]
    elif case.is_map:
        goals = [Goal.channel(model, name, unit) for unit in case.units]
    else:
        goals = [Goal.neuron(model, name, unit) for unit in case.units]
    seconds, images = np.zeros(checks), []
    for goal in goals:  # several goals would be combined, not put into a batch
        stamps: list[float] = []

        class Stamped(tf.keras.optimizers.Adam):  # type: ignore[misc]  # TensorFlow has no types
            def apply_gradients(self, *args: Any, stamps: list[float] = stamps, **kwargs: Any) -> Any:
                done = super().apply_gradients(*args, **kwargs)
                stamps.append(clock())
                return done

        every = max(1, steps // checks)
        started = clock()
        optimized, _ = optimize(goal, Stamped(0.05), nb_steps=every * checks, save_every=every)
        resized = [tf.image.resize(image, (size, size)).numpy()[0] for image in optimized[:checks]]
        seconds += [stamps[every * (check + 1) - 1] - started for check in range(checks)]
        images.append(np.moveaxis(np.stack(resized), -1, 1))
    return [(float(seconds[check]), np.stack([own[check] for own in images])) for check in range(checks)]


def vgg_subject(weights: Path | None, precision: torch.dtype) -> Subject:
    module = make_vgg(weights)
    return Subject(make_network(module, precision), module, lambda: keras_vgg(module), vgg.LAYERS)


def default_subject(precision: torch.dtype) -> Subject:
    network = make_default(precision)
    assert isinstance(network.module, TwoStream)
    module = Appearance(network.module).eval()
    size = network.card.stimulus.height
    return Subject(network, module, lambda: keras_appearance(module, size), appearance.LAYERS)


# by name, and its default number of steps
PEERS: dict[str, tuple[Callable[[Subject, Case, int, int], Checkpoints], int]] = {
    "torch-lucent": (lucent, 512),
    "torch-dreams": (dreams, 120),
    "xplique": (xplique, 256),
}


def time_to(target: float, scores: Sequence[tuple[float, float]]) -> float:
    """Return the seconds of the first score that reaches the target."""
    return next(seconds for seconds, value in scores if value >= target)


def compare(mine: list[list[tuple[float, float]]], theirs: list[list[tuple[float, float]]]) -> dict[str, float]:
    """Return the median over rounds of the time to the highest J that every run of both reaches."""
    target = min(max(value for _, value in scores) for scores in (*mine, *theirs))
    us, them = (median(time_to(target, scores) for scores in runs) for runs in (mine, theirs))
    return {"J": target, "ours_s": us, "peer_s": them, "ratio": them / us}


Scores = list[tuple[float, float]]  # seconds and J of each checkpoint of a run


def run_case(
    subject: Subject, case: Case, recipe: ResolvedRecipe, options: argparse.Namespace
) -> dict[str, list[Scores]]:
    """Return the scores of every round by name, "ours" first; peers that are not installed are missing."""
    scores: dict[str, list[Scores]] = {name: [] for name in ("ours", *options.peers)}
    for number in range(options.rounds + 1):
        warms_up = number == 0  # one step of every library fills caches and builds graphs, and does not count
        checks = 1 if warms_up else options.checks
        for name in list(scores):
            run, usual_steps = PEERS.get(name, (None, 0))
            steps = 1 if warms_up else max(1, round(usual_steps * options.steps))
            try:
                if run is None:
                    our_recipe = recipe.model_copy(update={"steps": 1}) if warms_up else recipe
                    checkpoints = ours(subject.network, case, our_recipe, checks, options.batch)
                else:
                    checkpoints = run(subject, case, steps, checks)
            except ImportError as error:
                count = len(case.units)
                print(f"{case.layer:18} {case.objective:9} {count:5} {name:13} not installed: {error}")
                del scores[name]
                continue
            if not warms_up:
                scored = [(seconds, score(subject.network, case, images, recipe)) for seconds, images in checkpoints]
                scores[name].append(scored)
    return scores


def main() -> None:
    global clock
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=("vgg16", "default"), default="vgg16")
    parser.add_argument("--layers", nargs="+", help="by default those of the network that are compared")
    parser.add_argument("--objectives", nargs="+", default=("center", "channel"))
    parser.add_argument("--units", nargs="+", type=int, default=(1, 8), help="how many units at once")
    parser.add_argument("--batch", type=int, default=1, help="units that we take at once, if more: a whole layer's")
    parser.add_argument("--peers", nargs="+", default=tuple(PEERS), choices=tuple(PEERS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cpu-time", action="store_true", help="instead of the wall's, for a busy machine; one thread")
    parser.add_argument("--checks", type=int, default=8, help="pictures of each run that are scored")
    parser.add_argument("--steps", type=float, default=1.0, help="share of each peer's usual steps, for a quick look")
    parser.add_argument("--precision", choices=tuple(PRECISIONS), default="bf16", help="of our gradients")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="a field of our recipe")
    parser.add_argument("--weights", type=Path, help="VGG-16 of torchvision's naming; random from a seed if left out")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args()
    clock = process_time if options.cpu_time else perf_counter
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(options.threads))
    torch.set_num_threads(options.threads)
    precision = PRECISIONS[options.precision]
    subject = default_subject(precision) if options.network == "default" else vgg_subject(options.weights, precision)
    fields = dict(field.split("=", 1) for field in options.set)
    figures: list[dict[str, Any]] = []
    prepare_torchvision()
    print(machine())
    print(f"{'layer':18} {'objective':9} {'units':>5} {'peer':13} {'J':>10} {'ours s':>9} {'peer s':>9} {'ratio':>8}")
    for layer in options.layers or subject.layers:
        for objective in options.objectives if Case(layer, "", ()).is_map else ("channel",):
            recipe = Recipe.model_validate({**fields, "objective": objective}).resolved(subject.network.card)
            for count in options.units:
                case = Case(layer, objective, tuple(range(count)))
                scores = run_case(subject, case, recipe, options)
                for name in [name for name in scores if name != "ours"]:
                    comparison = compare(scores["ours"], scores[name])
                    figures.append({"layer": layer, "objective": objective, "units": count, "peer": name, **comparison})
                    numbers = f"{comparison['ours_s']:9.3f} {comparison['peer_s']:9.3f} {comparison['ratio']:8.1f}"
                    line = f"{layer:18} {objective:9} {count:5} {name:13} {comparison['J']:10.4g} {numbers}"
                    print(line, flush=True)
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), "figures": figures}, indent=1))


if __name__ == "__main__":
    main()
