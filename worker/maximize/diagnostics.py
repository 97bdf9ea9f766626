"""Diagnostics of the items of a batch during the run: values of J, vanished gradients, errors and notes."""

from collections.abc import Collection, Sequence

import torch

from app.contract.errors import NotFinite, WorkError
from worker.maximize.objective_function import ValueAndGrad
from worker.maximize.readback import AsyncReadback


class Diagnostics:
    """Traces of J, steps in a row without a gradient, errors and notes, by item."""

    def __init__(self, names: Sequence[str], device: torch.device) -> None:
        """`names` say what each item maximizes, such as "unit 3 of conv2", for error messages."""
        items = range(len(names))
        self.names = names
        self.traces: dict[int, list[float]] = {item: [] for item in items}
        self.zero_gradient_steps: dict[int, int] = dict.fromkeys(items, 0)  # in a row, up to now
        self.errors: dict[int, WorkError] = {}
        self.notes: dict[int, str] = {}
        self._readback = AsyncReadback(device)

    def post(self, items: Sequence[int], evaluated: ValueAndGrad) -> None:
        """Queue the results of a step for these items; `read` adds them when the device has computed them."""
        rows = [row.float() for row in (evaluated.value, evaluated.is_finite, evaluated.has_gradient)]
        self._readback.post(items, torch.stack(rows))

    def read(self, active: Collection[int], everything: bool = False) -> None:
        """Add what the device has computed for the items that are active and have not failed."""
        for item, (value, is_finite, has_gradient) in self._readback.read(everything):
            if item not in active or item in self.errors:
                continue
            self.traces[item].append(value)
            self.zero_gradient_steps[item] = 0 if has_gradient else self.zero_gradient_steps[item] + 1
            if not is_finite:
                self.errors[item] = NotFinite(
                    f"{capitalized(self.names[item])} gave an objective of {value} or a gradient that is not "
                    f"finite at step {len(self.traces[item])}. If it happens at step 1, its weights hold NaN or "
                    "infinite values: check the network with real clips. Later on, a smaller bound or step size may "
                    "help."
                )


def capitalized(name: str) -> str:
    """Return the name with a capital first letter, for the start of a sentence."""
    return name[:1].upper() + name[1:]
