"""Activation maximization of any module: an objective, a parameterization, transforms and penalties, and the loop.

    from worker.maximize import Canvas, center, channel, maximize

    objective = 0.2 * channel("conv3", 3) + 0.8 * channel("conv5", 7) - center("conv5", 2)
    (maximum,) = maximize(module, objective, {"clip": Canvas(depth=3, frames=16, height=112, width=112)})

Enter by `maximize`; a network with a card and a recipe enters by `from_recipe.maximize_units`, the only file that reads
recipes. Imports the contract's errors, worker.graph and worker.devices; from_recipe, report and stimulus_size networks
too.
Read objectives, canvas, transforms, parameterizations, optimizers, loop; then objective_function and cone.
"""

from worker.graph.bn_statistics import ChannelStatistics
from worker.maximize.canvas import Canvas
from worker.maximize.focus import Focus
from worker.maximize.loop import maximize
from worker.maximize.objectives import Objective, at, center, channel, class_contrast, direction, diversity, minus
from worker.maximize.optimizers import Adam, Momentum
from worker.maximize.parameterizations import Fourier, Pink, Pixel
from worker.maximize.regularizers import Penalty
from worker.maximize.result import Maximum, Step
from worker.maximize.settings import Schedule, Settings
from worker.maximize.transforms import RandomViews

__all__ = [
    "Adam",
    "Canvas",
    "ChannelStatistics",
    "Focus",
    "Fourier",
    "Maximum",
    "Momentum",
    "Objective",
    "Penalty",
    "Pink",
    "Pixel",
    "RandomViews",
    "Schedule",
    "Settings",
    "Step",
    "at",
    "center",
    "channel",
    "class_contrast",
    "direction",
    "diversity",
    "maximize",
    "minus",
]
