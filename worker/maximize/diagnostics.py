"""Diagnostics of the items of a batch during the run: values of J, vanished gradients, errors and notes."""

from collections.abc import Collection, Sequence

import torch

from app.contract.errors import NotFinite, WorkError
from worker.maximize.objective_function import ValueAndGrad
from worker.maximize.readback import AsyncReadback


class Diagnostics:
    """Values of J, steps in a row without a gradient, errors and notes, by item."""

    def __init__(self, names: Sequence[str], device: torch.device) -> None:
        """`names` say what each item maximizes, such as "unit 3 of conv2", for error messages."""
        items = range(len(names))
        self.names = names
        self._steps: dict[int, list[tuple[float, float, float]]] = {
            item: [] for item in items
        }  # J, penalty, its weight
        self.zero_gradient_steps: dict[int, int] = dict.fromkeys(items, 0)  # in a row, up to now
        self.errors: dict[int, WorkError] = {}
        self.notes: dict[int, str] = {}
        self._readback = AsyncReadback(device)

    def post(self, items: Sequence[int], evaluated: ValueAndGrad) -> None:
        """Queue the results of a step for these items; `read` adds them when the device has computed them."""
        values = (evaluated.value, evaluated.penalty, evaluated.weight, evaluated.is_finite, evaluated.has_gradient)
        rows = [row.float() for row in values]
        self._readback.post(items, torch.stack(rows))

    def trace(self, item: int) -> list[float]:
        """Return J of each step of an item, with the weight that its penalties had at the last of them."""
        last = self._steps[item][-1][2] if self._steps[item] else 0
        steps = self._steps[item]
        return [value if weight == last else value + (weight - last) * penalty for value, penalty, weight in steps]

    def newest(self, item: int) -> float | None:
        """Return J of the newest step of an item whose value is known."""
        return self._steps[item][-1][0] if self._steps[item] else None

    def read(self, active: Collection[int], everything: bool = False) -> None:
        """Add what the device has computed for the items that are active and have not failed."""
        for item, (value, penalty, weight, is_finite, has_gradient) in self._readback.read(everything):
            if item not in active or item in self.errors:
                continue
            self._steps[item].append((value, penalty, weight))
            self.zero_gradient_steps[item] = 0 if has_gradient else self.zero_gradient_steps[item] + 1
            if not is_finite:
                self.errors[item] = NotFinite(
                    f"{capitalized(self.names[item])} gave an objective of {value} or a gradient that is not "
                    f"finite at step {len(self._steps[item])}. If it happens at step 1, its weights hold NaN or "
                    "infinite values: check the network with real clips. Later on, a smaller bound or step size may "
                    "help."
                )


def capitalized(name: str) -> str:
    """Return the name with a capital first letter, for the start of a sentence."""
    return name[:1].upper() + name[1:]
