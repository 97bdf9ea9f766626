"""Items that are maximized together. Each has noise, averages and errors of its own, and can leave at any step."""

from collections.abc import Collection, Sequence

import torch
from torch import Tensor

from worker.maximize.canvas import InputName
from worker.maximize.diagnostics import Diagnostics
from worker.maximize.measures import Array
from worker.maximize.microbatches import AdaptiveMicrobatches, out_of_memory
from worker.maximize.objective_function import ObjectiveFunction, ValueAndGrad
from worker.maximize.optimizer_state import OptimizerState
from worker.maximize.result import Step
from worker.maximize.settings import Settings


class Membership:
    """Which items of the whole batch still take steps: `active` by row, and `items`, the same on the device."""

    def __init__(self, count: int, device: torch.device) -> None:
        self.active = list(range(count))
        self.items = torch.arange(count, device=device)

    def row(self, item: int) -> int | None:
        """Return the row of an item in the batch, None where it takes no more steps."""
        return self.active.index(item) if item in self.active else None

    def remove(self, items: Collection[int]) -> Tensor | None:
        """Remove items and return the rows that are left, None where nothing changes."""
        if not set(items) & set(self.active):
            return None
        rows = [row for row, item in enumerate(self.active) if item not in items]
        index = torch.tensor(rows, dtype=torch.long, device=self.items.device)
        self.active, self.items = [self.active[row] for row in rows], self.items[index]
        return index

    def append(self, items: Sequence[int]) -> None:
        """Let items take part again, in the last rows."""
        self.active = [*self.active, *items]
        self.items = torch.tensor(self.active, dtype=torch.long, device=self.items.device)


class Batch:
    """The items of one run: who is active, the state of the active ones, and the diagnostics of all."""

    def __init__(
        self, function: ObjectiveFunction, seeds: Sequence[int], settings: Settings, names: Sequence[str]
    ) -> None:
        like, device = torch.empty_like(function.scale), function.scale.device
        self.function = function
        self.members = Membership(len(seeds), device)
        self.state = OptimizerState(function.model.canvases, seeds, settings, like, function.start)
        self.curvature: dict[InputName, Tensor] = {}  # (B,) by input
        self.diagnostics = Diagnostics(names, device)
        self.microbatches = AdaptiveMicrobatches(len(seeds), len(seeds) if function.objective.is_joint else 1)

    def gradient(self, step: int) -> dict[InputName, Tensor]:
        """Return the gradient of J of every active item, zero for those that fail here; post J to the diagnostics.

        `curvature` is then that of their temporal terms.

        The BN prior is left out of the first step, so that this step shows whether the unit has a gradient at all.
        """
        state, active = self.state, self.members.active

        def work(rows: slice) -> ValueAndGrad:
            x = {name: value[rows] for name, value in state.x.items()}
            items = self.members.items[rows]
            return self.function.value_and_grad(x, state.view(step, rows), items, with_bn_prior=step > 0)

        gradient = {name: torch.zeros_like(x) for name, x in state.x.items()}
        self.curvature = {}
        for rows, evaluated in self.microbatches.run(len(active), work):
            if evaluated is None:
                self.diagnostics.errors |= {item: out_of_memory() for item in active[rows]}
                continue
            for name, curvature in evaluated.curvature.items():
                self.curvature.setdefault(name, curvature.new_zeros(len(active)))[rows] = curvature
            for name, value in evaluated.gradient.items():
                gradient[name][rows] = value.nan_to_num_(0, 0, 0)
            self.diagnostics.post(active[rows], evaluated)
        return gradient

    def read(self, everything: bool = False) -> None:
        """Add what the device has computed to the diagnostics; with `everything`, wait for the last step too."""
        self.diagnostics.read(self.members.active, everything)

    @property
    def working(self) -> list[int]:
        """Return the active items that have not failed."""
        return [item for item in self.members.active if item not in self.diagnostics.errors]

    def report(self, step: int, steps: int) -> Step:
        """Return what there is to observe of the step just taken."""
        known = [item for item in (*self.members.active, *self.state.frozen) if item not in self.diagnostics.errors]
        newest = {item: self.diagnostics.newest(item) for item in known}
        objective = {item: value for item, value in newest.items() if value is not None}
        return Step(step, steps, objective, self.stimulus, self.diagnostics.errors)

    def stimulus(self, item: int) -> dict[InputName, Array]:
        """Return the finished part of an item's stimulus as it is now: (D, T, H, W) by input."""
        return self.state.stimulus(item, self.members.row(item))

    def freeze(self, items: Sequence[int], why: str) -> None:
        """Take no more steps for these items, and keep their stimuli with a note that says why."""
        for item in items:
            self.state.freeze(item, self.members.active.index(item))
            self.diagnostics.notes[item] = why
        self._remove(items)

    def drop(self, items: Collection[int]) -> None:
        """Forget these items."""
        for item in set(items) & self.state.frozen.keys():
            del self.state.frozen[item]
        self._remove(items)

    def unfreeze(self) -> None:
        """Let frozen items take part again, for the last evaluation."""
        self.members.append(self.state.unfreeze())

    def _remove(self, items: Collection[int]) -> None:
        rows = self.members.remove(items)
        if rows is not None:
            self.state.keep(rows)
