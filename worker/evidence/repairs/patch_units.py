"""The units that show a patch: those that fall when it is replaced; and the control, a network without training."""

from collections.abc import Callable

import numpy as np

from app.contract.interval import Interval
from app.contract.repairs import Change, Outcome, PatchUnit
from worker.devices import device_of
from worker.evidence.activation_reader import read_activations
from worker.evidence.repairs.changes import elsewhere, with_blocks_of
from worker.evidence.repairs.chosen_clips import choose_partners
from worker.evidence.repairs.class_study import ClassStudy
from worker.evidence.repairs.picture_contrast import Patch
from worker.evidence.repairs.proportions import wilson_interval
from worker.evidence.types import Floats
from worker.graph.inputs import Inputs, on_device
from worker.networks.network import Network

MAX_ERRORS = 12  # half of them choose units, half measure them
CANDIDATES = 2  # of each layer
MAX_UNITS = 8
MIN_FALL = 0.1  # of a unit's largest activation, on the half that did not choose it


def find_units(study: ClassStudy, patch: Patch, read_largest: Callable[[str], Floats]) -> tuple[PatchUnit, ...]:
    """Return the hidden units that fall most when the patch of the errors is replaced, the largest fall first.

    One half of the errors chooses the units, of every layer those that fall most beyond the sham; the other half
    measures them.
    """
    names = [layer.name for layer in study.network.card.own_layers if not layer.is_class]
    without = [row for row in study.case.partners if not patch.is_in(study.features[row])]
    falls: dict[str, list[Floats]] = {name: [] for name in names}  # by layer, clip by clip: (2, U)
    device = device_of(study.network.module)
    sham_blocks = elsewhere(patch.blocks)
    largest = {name: np.maximum(read_largest(name), 1e-9) for name in names}
    with read_activations(study.network, names) as read:

        def peaks(inputs: Inputs) -> dict[str, Floats]:
            study.report(1)
            return {
                name: reading.peak[0].clamp_min(0).cpu().numpy()
                for name, reading in read(on_device(inputs, device)).items()
            }

        for row in study.case.errors[:MAX_ERRORS]:
            for partner in choose_partners(study.clips, row, without, study.generator, 1):
                own, other = study.read(row), study.read(partner)
                before = peaks(own)
                after = peaks(with_blocks_of(own, other, patch.blocks))
                sham = peaks(with_blocks_of(own, other, sham_blocks))
                for name in names:
                    fall = np.stack([before[name] - after[name], before[name] - sham[name]])
                    falls[name].append(fall / largest[name])
    found = []
    for name in names:
        if len(falls[name]) < 2:
            continue
        choosing, measuring = (np.mean(falls[name][half::2], 0) for half in (0, 1))
        for unit in np.argsort(choosing[1] - choosing[0], kind="stable")[:CANDIDATES].tolist():
            fall, sham_fall = measuring[:, unit].tolist()
            if fall >= MIN_FALL and fall > 2 * max(sham_fall, 0):
                found.append(PatchUnit(layer=name, unit=unit, fall=fall, sham_fall=sham_fall))
    return tuple(sorted(found, key=lambda each: -each.fall)[:MAX_UNITS])


def control_caused(study: ClassStudy, control: Network) -> Interval | None:
    """Return the share of recognised clips that the patch turns to the class in the network with shuffled weights.

    The clips and partners are those of the trained network; clips that the control takes for the class anyway do not
    count as turned.
    """
    kept = list(study.probabilities.get((Change.PATCH, Outcome.CAUSED), {}))
    if not kept:
        return None
    rows = list(dict.fromkeys(row for row, _ in kept))
    before = dict(zip(rows, study.predict(map(study.read, rows), control), strict=True))
    versions = (with_blocks_of(study.read(row), study.read(partner), study.blocks_for(row)) for row, partner in kept)
    turned: dict[int, list[bool]] = {}
    label = study.case.predicted
    for (row, _), p in zip(kept, study.predict(versions, control), strict=True):
        is_turned = int(p.argmax()) == label and int(before[row].argmax()) != label
        turned.setdefault(int(study.clips.groups[row]), []).append(is_turned)
    return wilson_interval(np.array([np.mean(values) for values in turned.values()]))
