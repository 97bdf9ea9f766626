"""A recipe for units of a network's layer, translated into the arguments of the loop. No other file here knows recipes.

    J(x) = <a_l(x), e_c> / (rho^2 a_hat) - bn_prior |...| R_N(x) - sum over streams of (lambda_B R_B + lambda_TV R_TV)

with rho^2 the area of the layer's receptive field, no larger than the stimulus, and a_hat the unit's largest activation
over data (1 where no survey has measured it). With the sign `minimize` the activation is subtracted, and a_hat is minus
the lowest activation over data. See objectives, objective_function and regularizers for the terms.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter

import torch
from torch import Tensor

from app.contract.errors import InvalidRecipe, MixedDevices, WorkError
from app.contract.network import NetworkCard, Stream, StreamName
from app.contract.recipe import Recipe, ResolvedRecipe, Sign
from app.contract.result import Measurements
from worker.devices import device_of, stimulus_dtype
from worker.graph.inputs import as_input
from worker.maximize.canvas import Canvas, Stimulus
from worker.maximize.cone import Cone, EmptyMap, WholeModel, make_cone
from worker.maximize.feature_prior import StatisticsByLayer, named_statistics, unused_prior
from worker.maximize.figure.ascent import FigureAscent, FoundScene
from worker.maximize.focus import Focus
from worker.maximize.loop import Measure, ascend
from worker.maximize.measures import Array, peak, probability, trough
from worker.maximize.microbatches import is_out_of_memory, out_of_memory
from worker.maximize.objective_function import Model, ObjectiveFunction
from worker.maximize.objectives import (
    Activations,
    Objective,
    UnitActivation,
    diversity,
    minus,
    unit_activation,
)
from worker.maximize.optimizers import OPTIMIZERS
from worker.maximize.parameterizations import PARAMETERIZATIONS
from worker.maximize.positions import CENTER, OutsideMap, Position
from worker.maximize.regularizers import Penalty
from worker.maximize.report import Report
from worker.maximize.result import Maximum, Observe
from worker.maximize.running_gain import RunningGain
from worker.maximize.settings import Schedule, Settings
from worker.maximize.start import Likeness, Start
from worker.maximize.stimulus_size import is_own_size, refuse_size
from worker.maximize.transforms import RandomViews
from worker.networks.network import Network
from worker.video.flow import FLOW_UNIT_PX


@dataclass(frozen=True)
class Visualization:
    """A finished stimulus (D, T, H, W), of the streams that the layer sees, and what was measured of it."""

    stimulus: dict[StreamName, Array]
    measurements: Measurements
    frames: Array | None = None  # (3, T, H, W), of the scene that it was rendered from, where there is one


@dataclass(frozen=True)
class UnitResult:
    """The visualization of one unit, or the error that it failed with."""

    index: int  # in the `units` that were asked for
    unit: int
    outcome: Visualization | WorkError


def maximize_units(
    network: Network,
    layer: str,
    units: Sequence[int],
    recipes: Sequence[Recipe],
    *,
    a_hat: Sequence[float] | None = None,
    statistics: StatisticsByLayer | None = None,
    clip: Mapping[StreamName, Array] | None = None,
    observe: Observe = lambda step: (),
) -> list[UnitResult]:
    """Return stimuli that maximize J for these units, under recipes that differ in nothing but their seed.

    `a_hat` are the units' largest activations over data, and minus the lowest where the recipe says `minimize`.
    `statistics`, by layer, are those that the recipe names by `feature_statistics`, and are not used by others; a
    recipe that names some is refused without them. `clip` (D, T, H, W) by stream, standard units, is what the network
    sees of the clip that the recipe names by `start_clip`.
    `observe` sees every step and returns the indices of units to drop, or raises to stop all. A unit that was dropped
    has no result; one that fails has its error, and the others go on. Raises InvalidRecipe for a stimulus size that the
    layer cannot take, NoGradient where the activation does not depend on the input.
    """
    started, card = perf_counter(), network.card
    resolved = [recipe.resolved(card) for recipe in recipes]
    for recipe in resolved:
        recipe.require_fit(card, layer, units)
    resolved = [recipe.in_pixels(card, layer) for recipe in resolved]
    if len({recipe.batch_key() for recipe in resolved}) != 1 or len(units) != len(recipes):
        raise ValueError("a batch needs one recipe a unit, alike in all but the seed")
    if resolved[0].count > 1 and (len(set(units)) > 1 or resolved != list(resolved[0].members())):
        raise ValueError("stimuli that must differ are computed all together, and without others")
    for unit in units:
        card.unit(layer, unit)
    recipe = resolved[0]
    known = named_statistics(recipe.feature_statistics, statistics)
    is_figure = recipe.prior == "figure"
    shown = recipe.model_copy(update={"jitter": 0}) if is_figure else recipe  # a scene goes on beyond the frame
    model, problem = make_model(network, layer, shown, known)
    function = make_function(network, layer, recipe, model, units, a_hat, clip)
    names = [f"unit {unit} of {layer}" for unit in units]
    measure = partial(_measure, network, make_unit_activation(network, layer, recipe, units, model), recipe.sign)
    seeds = [r.seed for r in resolved]
    scenes: dict[int, FoundScene] = {}
    if is_figure:
        ascent = FigureAscent(function, recipe.steps, make_views(recipe), names, measure, observe)
        results, scenes = ascent(seeds)
    else:
        results = ascend(function, seeds, make_settings(recipe), names, measure=measure, observe=observe)

    unused = unused_prior([each.name for each in card.layers], layer, known)
    of_clip = measure_clip(function, measure, len(units))
    report = Report(network, layer, recipe, model, problem, unused, (perf_counter() - started) / len(units), clip)
    maxima: Sequence[float | None] = [None] * len(units)
    if a_hat is not None:
        maxima = _data_maxima(a_hat, len(units), function.scale.device).tolist()

    def outcome(item: int, result: Maximum | WorkError) -> Visualization | WorkError:
        if isinstance(result, WorkError):
            return result
        measured = report(names[item], result, maxima[item], of_clip[item] if of_clip else ())
        if isinstance(measured, WorkError):
            return measured
        scene = scenes.get(item)
        if scene is None:
            return Visualization(result.stimulus, measured)
        measured = measured.model_copy(update={"trajectories": scene.trajectories})
        return Visualization(result.stimulus, measured, scene.frames)

    return [UnitResult(item, units[item], outcome(item, result)) for item, result in results.items()]


def measure_clip(function: ObjectiveFunction, measure: Measure, count: int) -> list[tuple[float, ...]]:
    """Return what the measures of finished stimuli are of the clip that each item starts from; empty without one."""
    if function.start is None:
        return []
    start, device = function.start.cropped(function.model.canvases), function.scale.device
    with torch.no_grad():
        activations = function.model.activations(start.values, reduced=False)
        values = [measure(activations, torch.tensor([item], device=device)) for item in range(count)]
    return [tuple(float(each[0]) for each in of_item) for of_item in values]


def make_model(
    network: Network, layer: str, recipe: ResolvedRecipe, statistics: StatisticsByLayer | None = None
) -> tuple[Model, str]:
    """Return the network as far as a layer, and why it is computed on the whole frame ("" where a part is enough).

    Raises InvalidRecipe for a size that the layer cannot take.
    """
    frame, path = make_canvases(network.card, recipe), network.points[layer].path
    position, precision = position_of(recipe), network.precision
    known = {network.points[name].path: each for name, each in (statistics or {}).items()}
    try:
        cone = make_cone(network.module, layer, path, frame, position=position, precision=precision, statistics=known)
    except EmptyMap as error:
        raise refuse_size(network, layer, frame, str(error)) from error
    except OutsideMap as error:
        raise InvalidRecipe(f"{error} That is the map of {layer} at the size of this stimulus.") from error
    except (RuntimeError, ValueError) as error:
        raise _explain_failure(network, layer, frame, error) from error
    if isinstance(cone, Cone):
        return cone, ""
    visible = {name: frame[name] for name in visible_streams(network.card, layer)}
    whole = _WholeNetwork(
        module=network.module,
        paths={layer: path},
        frame=frame,
        canvases=visible,
        precision=precision,
        statistics=known,
        network=network,
        layer=layer,
    )
    return whole, cone


@dataclass(frozen=True, kw_only=True)
class _WholeNetwork(WholeModel):
    """A network on whole frames, whose failures are explained."""

    network: Network
    layer: str

    def activations(self, stimulus: Stimulus, *, reduced: bool) -> Activations:
        try:
            return super().activations(stimulus, reduced=reduced)
        except (RuntimeError, ValueError) as error:
            if is_out_of_memory(error):
                raise
            raise _explain_failure(self.network, self.layer, self.frame, error) from error


def _explain_failure(network: Network, layer: str, frame: Mapping[StreamName, Canvas], error: Exception) -> Exception:
    """Return the error to raise where a network failed on its inputs."""
    if is_out_of_memory(error):
        return out_of_memory()
    if any(words in str(error) for words in ("same device", "expected device")):
        return MixedDevices(
            f"The network computes in more than one place: {error}. Its builder must keep all tensors "
            "as parameters and buffers, so that they move together."
        )
    if is_own_size(network, frame):
        return error
    return refuse_size(network, layer, frame, str(error))


def make_canvases(card: NetworkCard, recipe: ResolvedRecipe) -> dict[StreamName, Canvas]:
    """Return a canvas for every stream of the network."""
    return {stream.name: _make_canvas(card, recipe, stream) for stream in card.streams}


def _make_canvas(card: NetworkCard, recipe: ResolvedRecipe, stream: Stream) -> Canvas:
    return Canvas(
        depth=stream.depth,
        frames=recipe.frames if stream.name is StreamName.CLIP else stream.frames,
        height=recipe.size,
        width=round(recipe.size * card.stimulus.width / card.stimulus.height),
        margin=make_views(recipe).margin,
        bound=recipe.bound * stream.bound,
        mean_norm=recipe.motion_size / FLOW_UNIT_PX if recipe.motion_size and stream.depth == 2 else None,
        covariance=stream.covariance,
        layout=partial(as_input, stream.name),
    )


def visible_streams(card: NetworkCard, layer: str) -> tuple[StreamName, ...]:
    """Return the streams that the layer sees, hence those that are optimized for its units."""
    stream = card.layer(layer).stream
    return tuple(s.name for s in card.streams if stream in ("fusion", s.name.value))


def position_of(recipe: ResolvedRecipe) -> Position | None:
    """Return the one position of the map that a recipe's objective is about; None for all."""
    return {"channel": None, "center": CENTER, "position": recipe.position}[recipe.objective]


def make_unit_activation(
    network: Network, layer: str, recipe: ResolvedRecipe, units: Sequence[int], model: Model | None = None
) -> UnitActivation:
    """Return the activation of each of these units, of classes less `contrast` times the other classes.

    It is that of the activations of `model`, or of whole maps without one.
    """
    contrast = recipe.contrast if network.card.layer(layer).is_class else 0.0
    position = None if isinstance(model, Cone) else position_of(recipe)
    objective = UnitActivation(layer, torch.tensor(units), contrast=contrast, position=position)
    return objective.to(device_of(network.module))


def make_objective(
    network: Network, layer: str, recipe: ResolvedRecipe, units: Sequence[int], model: Model | None = None
) -> Objective:
    """Return what is maximized for each of these units: its activation, less others', or minus that.

    It is a function of the activations of `model`, or of whole maps without one.
    """
    activation = make_unit_activation(network, layer, recipe, units, model)
    objective: Objective = activation
    if recipe.minus is not None:
        others = None if recipe.minus == "others" else recipe.minus
        position, contrast = activation.position, activation.contrast
        objective = minus(layer, units, others, position=position, contrast=contrast).to(activation.units.device)
    return -objective if recipe.sign == "minimize" else objective


def make_function(
    network: Network,
    layer: str,
    recipe: ResolvedRecipe,
    model: Model,
    units: Sequence[int],
    a_hat: Sequence[float] | None = None,
    clip: Mapping[StreamName, Array] | None = None,
) -> ObjectiveFunction:
    """Return J for these units: their objectives over rho^2 a_hat, less the recipe's penalties.

    Raises ValueError for a recipe that starts from a clip where that is not given.
    """
    if bool(recipe.start_clip) != (clip is not None):
        raise ValueError("a recipe with `start_clip` needs what the network sees of that clip, and no other one does")
    objective = make_objective(network, layer, recipe, units, model)
    field, canvases = network.card.layer(layer).receptive_field, list(model.canvases.values())
    height = min(field.height, max(canvas.height for canvas in canvases))
    area = height * min(field.width, max(canvas.width for canvas in canvases))
    chi = recipe.time_weight * recipe.chi
    penalty = Penalty(recipe.energy, recipe.alpha, recipe.smoothness, recipe.kappa, chi, area)
    maxima = _data_maxima(a_hat, len(units), device_of(network.module))
    if recipe.count > 1:  # of one unit
        position = None if isinstance(model, Cone) else position_of(recipe)
        objective = objective + recipe.diversity * float(maxima[0]) * diversity(layer, position=position)
    scale = area * maxima.to(stimulus_dtype(network.module))
    bn_prior = 0.0 if recipe.is_of_one_position else recipe.bn_prior  # one position shows no natural scene
    running_gain = None
    if recipe.time_path == "neutral":
        is_known = torch.tensor([a_hat is not None and a_hat[item] > 0 for item in range(len(units))])
        running_gain = RunningGain.of(is_known.to(scale.device), scale)
    start, likeness = None, None
    if clip is not None:
        start = Start.of(clip, model.canvases, scale, recipe.start_keeps)
        likeness = Likeness(make_unit_activation(network, layer, recipe, units, model), recipe.likeness)
    return ObjectiveFunction(model, objective, penalty, scale, bn_prior, running_gain, start, likeness)


def _data_maxima(a_hat: Sequence[float] | None, count: int, device: torch.device) -> Tensor:
    """Return a_hat of each unit, (count,): 1 where no survey has measured it, or where no clip gave it this sign."""
    maxima = [1.0] * count if a_hat is None else [value if value > 0 else 1.0 for value in a_hat]
    return torch.tensor(maxima, dtype=torch.float32, device=device)


def make_views(recipe: ResolvedRecipe) -> RandomViews:
    """Return the random views of a recipe with its lengths in pixels."""
    return RandomViews(recipe.jitter, recipe.scale, recipe.rotation)


def make_settings(recipe: ResolvedRecipe) -> Settings:
    """Return the loop's settings under a recipe with its lengths in pixels."""
    chi = recipe.chi if recipe.time_path == "smoothed" else 0.0
    parameterization = partial(PARAMETERIZATIONS[recipe.prior], chi=chi, blur=recipe.blur, blur_end=recipe.blur_end)
    return Settings(
        Schedule(recipe.steps, recipe.step_size, recipe.weight_decay, recipe.weight_decay_until, recipe.tolerance),
        parameterization,
        partial(OPTIMIZERS[recipe.optimizer], recipe.frame_equalization),
        make_views(recipe),
        partial(Focus, share=recipe.focus, center_bias=recipe.center_bias) if recipe.focus else None,
        shares_focus=recipe.focus_map == "shared",
        is_implicit=recipe.time_path == "neutral" and recipe.optimizer == "momentum",
    )


def _measure(
    network: Network, unit: UnitActivation, sign: Sign, activations: Activations, items: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the activation and the probability of finished stimuli, both (B,); a probability is that of a class."""
    activation, units = activations[unit.layer], unit.units_of(items)
    selected = unit.select(unit_activation(activation, units))
    extreme = trough(selected) if sign == "minimize" else peak(selected, network.points[unit.layer].rectified)
    return extreme, probability(activation, units)
