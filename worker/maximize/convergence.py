"""Which units are dead, asleep or at rest: who gets no more steps."""

from collections.abc import Sequence
from statistics import median

import torch

from app.contract.errors import NoGradient
from app.contract.recipe import ResolvedRecipe
from worker.maximize.batch import Batch
from worker.maximize.gradient import Slope
from worker.maximize.memory import Pieces

LOUDER = (0.3, 1.0)  # root mean square of other noise, in units of the bound, where a unit does not feel the first
PATIENCE = 8  # steps in a row without a gradient after which a unit that had one gets no more


def wake(batch: Batch, slope: Slope, pieces: Pieces) -> None:
    """Gives units that do not feel their start at all another, louder one. Those that feel none of them are dead:
    they fail here, before any step is spent on them.
    """
    asleep = [place for place in batch.places if batch.numb[place] and place not in batch.errors]
    for size in LOUDER:
        if not asleep:
            return
        items = torch.tensor([batch.places.index(place) for place in asleep], device=batch.units.device)
        tried = {name: canvas.project(batch.noise(name, asleep, size)) for name, canvas in batch.canvases.items()}

        def feels(piece: slice, items: torch.Tensor = items, tried: dict = tried) -> list[bool]:  # type: ignore[type-arg]
            part = items[piece]
            x = {name: value[piece] for name, value in tried.items()}
            return slope.pull(
                x, batch.view(0, part), batch.units[part], batch.a_hat[part], natural=False
            ).touched.tolist()

        felt = [each for piece, found in pieces.run(len(asleep), feels) for each in found or [False]]
        for number, (place, awake) in enumerate(zip(asleep, felt, strict=True)):
            if awake:
                batch.numb[place] = 0
                for name, x in batch.x.items():
                    x[items[number]] = tried[name][number]
        asleep = [place for place, awake in zip(asleep, felt, strict=True) if not awake]
    for place in asleep:
        batch.errors[place] = NoGradient(
            f"Unit {batch.names[place]} of {slope.layer} has no gradient at all: it is constant on faint, medium and "
            "strong noise alike, as a dead unit is. Another seed may find a way in; if none does, nothing can "
            "maximize it."
        )


def rest(batch: Batch, recipe: ResolvedRecipe) -> None:
    """Lets units rest that have settled, or that stand where their activation is constant. J cannot settle while the
    stimulus is being forgotten.
    """
    lost = [p for p in batch.places if batch.numb[p] >= PATIENCE and p not in batch.errors]
    if lost:
        batch.rest(lost, "The gradient vanished during the run: the stimulus stands where the activation is constant.")
    first = round(recipe.weight_decay_until * recipe.steps) if recipe.weight_decay else 0
    done = [p for p in batch.places if p not in batch.errors and settled(batch.traces[p], recipe, first)]
    for place in done:
        batch.rest([place], f"Settled after {len(batch.traces[place])} of {recipe.steps} steps.")


def settled(trace: Sequence[float], recipe: ResolvedRecipe, first: int) -> bool:
    """Whether J rises no more: the median of its last window of steps is above that of the window before by no more
    than a share `tolerance` of the whole rise so far. Medians, because each step sees another random view.
    """
    window = max(8, recipe.steps // 16)
    if not recipe.tolerance or len(trace) < first + 2 * window or len(trace) % (window // 2):
        return False
    last, before = median(trace[-window:]), median(trace[-2 * window : -window])
    return last - before <= recipe.tolerance * max(last - median(trace[:window]), 0)
