"""The loop: the items of a batch climb J together, each from its own seed."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from app.contract.errors import WorkError
from worker.devices import device_of, stimulus_dtype
from worker.maximize.batch import Batch
from worker.maximize.canvas import Canvas, InputName
from worker.maximize.cone import NO_STATISTICS, StatisticsByPath, make_model
from worker.maximize.convergence import freeze_converged, restart_dead
from worker.maximize.microbatches import out_of_memory
from worker.maximize.objective_function import ObjectiveFunction
from worker.maximize.objectives import Activations, Objective
from worker.maximize.optimizers import Momentum, OptimizerFactory
from worker.maximize.parameterizations import ParameterizationFactory, Pixel
from worker.maximize.regularizers import Penalty
from worker.maximize.result import Maximum, Observe, Results
from worker.maximize.settings import Schedule, Settings
from worker.maximize.transforms import RandomViews

Measure = Callable[[Activations, Tensor], Sequence[Tensor]]  # figures (B,) of activations and items


def maximize(
    module: nn.Module,
    objective: Objective,
    canvases: Canvas | Mapping[InputName, Canvas],
    *,
    seeds: Sequence[int] = (0,),
    parameterization: ParameterizationFactory = Pixel,
    transform: RandomViews = RandomViews(),  # noqa: B008 - frozen
    penalty: Penalty = Penalty(),  # noqa: B008 - frozen
    optimizer: OptimizerFactory = Momentum,
    schedule: Schedule = Schedule(),  # noqa: B008 - frozen
    bn_prior: float = 0.0,
    feature_statistics: StatisticsByPath = NO_STATISTICS,
    observe: Observe = lambda step: (),
) -> list[Maximum]:
    """Return a stimulus for each seed that maximizes an objective of a module's activations.

    `module` takes one tensor (one canvas) or a mapping of tensors (canvases by name); an objective's layers are paths
    of submodules. The module should be frozen and in eval mode. `bn_prior` holds features to the statistics of batch
    normalisation, and to `feature_statistics`: those of the outputs (B, C, ...) of submodules over data, by path.

    Raises NoGradient, NotFinite or OutOfMemory where an item fails, UnknownLayer for a path that the module does not
    have, ValueError for statistics of another number of channels.
    """
    model, objective = make_model(module, objective, canvases, margin=transform.margin, statistics=feature_statistics)
    scale = torch.ones(len(seeds), dtype=stimulus_dtype(module), device=device_of(module))
    function = ObjectiveFunction(model, objective.to(scale.device), penalty, scale, bn_prior)
    settings = Settings(schedule, parameterization, optimizer, transform)
    results = ascend(function, seeds, settings, [f"item {item}" for item in range(len(seeds))], observe=observe)
    maxima: list[Maximum] = []
    for result in results.values():
        if isinstance(result, WorkError):
            raise result
        maxima.append(result)
    return maxima


def ascend(
    function: ObjectiveFunction,
    seeds: Sequence[int],
    settings: Settings,
    names: Sequence[str],
    *,
    measure: Measure = lambda activations, items: (),
    observe: Observe = lambda step: (),
) -> Results:
    """Climb J from each seed's noise, and return the maximum or the error of each item that was not dropped.

    `names` say what the items maximize, for error messages. An item that fails leaves the others at work. `measure`
    returns further figures of the finished stimuli's activations.
    """
    batch, schedule = Batch(function, seeds, settings, names), settings.schedule
    errors = batch.diagnostics.errors
    for step in range(schedule.steps):
        gradient = batch.gradient(step)
        batch.read(everything=step == 0)
        if step == 0:
            restart_dead(batch)
        batch.state.step(gradient, step / schedule.steps, batch.curvature)
        freeze_converged(batch, schedule)
        batch.drop({*errors, *observe(batch.report(step + 1, schedule.steps))})
        if not batch.members.active:
            break
    batch.read(everything=True)
    batch.drop(set(errors))
    batch.unfreeze()
    results = {**errors, **evaluate(batch, measure)}
    return {item: results[item] for item in sorted(results)}


def evaluate(batch: Batch, measure: Measure) -> dict[int, Maximum | WorkError]:
    """Return the maximum of every active item: its stimulus without margin and random view, evaluated in float32."""
    function, results = batch.function, dict[int, Maximum | WorkError]()

    canvases = batch.state.canvases
    removable = tuple(canvases) if len(canvases) > 1 else ()

    @torch.no_grad()
    def figures(rows: slice) -> Tensor:
        """Return J, J without each of the inputs, and the caller's measures, (1 + removable + measures, B)."""
        x = {name: canvas.crop(batch.state.x[name][rows]) for name, canvas in canvases.items()}
        items = batch.members.items[rows]
        objective, activations = function.evaluate(x, items)
        without = [function.evaluate(x, items, without=name)[0] for name in removable]
        return torch.stack([objective, *without, *measure(activations, items)])

    for rows, values in batch.microbatches.run(len(batch.members.active), figures):
        for column, item in enumerate(batch.members.active[rows]):
            if values is None:
                results[item] = out_of_memory()
                continue
            objective, *others = values[:, column].tolist()
            without, measures = others[: len(removable)], others[len(removable) :]
            trace, note = batch.diagnostics.trace(item), batch.diagnostics.notes.get(item)
            notes = () if note is None else (note,)
            results[item] = Maximum(
                batch.stimulus(item),
                objective,
                tuple(measures),
                tuple(trace),
                notes,
                dict(zip(removable, without, strict=True)),
            )
    return results
