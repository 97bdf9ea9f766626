"""Spatiotemporal activation maximization: the units of a batch climb the objective of one layer together."""

from collections.abc import Sequence
from math import cos, pi
from time import perf_counter

from app.contract.recipe import Recipe
from worker.devices import device_of
from worker.maximize import convergence
from worker.maximize.batch import Batch
from worker.maximize.cone import derive
from worker.maximize.finish import finish
from worker.maximize.focus import FADING
from worker.maximize.gradient import Slope
from worker.maximize.memory import Pieces
from worker.maximize.objectives import Objective, data_maxima
from worker.maximize.outcome import Ascent, Observe
from worker.networks.network import Network


def ascend(
    network: Network,
    layer: str,
    units: Sequence[int],
    recipes: Sequence[Recipe],
    *,
    a_hat: Sequence[float] | None = None,
    observe: Observe = lambda step: (),
) -> list[Ascent]:
    """Stimuli that maximize J for these units, under recipes that differ in nothing but their seed.

    `observe` sees every step and returns the places of units to drop, or raises to stop all. A unit that was dropped
    has no outcome; one that fails has its error, and the others go on. Raises InvalidRecipe for a stimulus size that
    the layer cannot take, NoGradient where the activation does not depend on the input.
    """
    started, card = perf_counter(), network.card
    resolved = [recipe.resolved(card).in_pixels(card, layer) for recipe in recipes]
    if len({recipe.batch_key() for recipe in resolved}) != 1 or len(units) != len(recipes):
        raise ValueError("a batch needs one recipe a unit, alike in all but the seed")
    recipe = resolved[0]
    device = device_of(network.module)
    for unit in units:
        card.unit(layer, unit)
    cone = derive(network, layer, recipe)
    slope = Slope(network, layer, Objective(card.layer(layer), recipe, cone.canvases), cone)
    batch = Batch(units, resolved, data_maxima(a_hat, len(units)), cone.canvases, device)
    pieces = Pieces(len(units))

    for step in range(recipe.steps):
        progress = step / recipe.steps
        gradient = batch.pull(slope, step, pieces)
        batch.read(layer, everything=step == 0)
        if step == 0:
            convergence.wake(batch, slope, pieces)
        fall = (1 + cos(pi * progress)) / 2
        forget = recipe.weight_decay * max(0, 1 - progress / recipe.weight_decay_until)
        batch.move(gradient, recipe.step_size * fall, forget, FADING * fall, progress)
        convergence.rest(batch, recipe)
        batch.drop({*batch.errors, *observe(batch.step(step + 1, recipe.steps))})
        if not batch.places:
            break

    batch.read(layer, everything=True)
    batch.drop(set(batch.errors))
    batch.gather()
    seconds = (perf_counter() - started) / len(units)
    outcomes = {**batch.errors, **finish(batch, slope, pieces, a_hat is not None, seconds)}
    return [Ascent(place, units[place], outcomes[place]) for place in sorted(outcomes)]
