"""Which windows of the errors' pictures matter most, found without the contrast: by replacing one after the other.

A window gets the blocks of a recognised clip without the patch, so that nothing is grey.
"""

import numpy as np

from worker.evidence.repairs.changes import with_blocks_of
from worker.evidence.repairs.chosen_clips import choose_partners
from worker.evidence.repairs.class_study import ClassStudy
from worker.evidence.repairs.picture_blocks import BLOCKS
from worker.evidence.repairs.picture_contrast import Mask, Patch

WINDOW, STEP = 6, 4  # blocks: nine windows, as a smaller one leaves the most of a large patch
MAX_ERRORS = 5
STRONGEST = 3  # windows that lower the class most
MIN_SHARE = 0.25  # of a window's blocks, which lie on the patch where the window counts as lying on it


def windows() -> list[Mask]:
    """Return the windows of blocks, (14, 14) each."""
    found = []
    for row in range(0, BLOCKS - WINDOW + 1, STEP):
        for column in range(0, BLOCKS - WINDOW + 1, STEP):
            mask = np.zeros((BLOCKS, BLOCKS), np.bool_)
            mask[row : row + WINDOW, column : column + WINDOW] = True
            found.append(mask)
    return found


def occlude(study: ClassStudy, patch: Patch) -> dict[str, float]:
    """Return the shares of the strongest windows, and of all windows, that lie on the patch.

    The strength of a window is the fall of the log probability of the class, mean over a few errors.
    """
    case, masks = study.case, windows()
    without = [row for row in case.partners if not patch.is_in(study.features[row])]
    pairs = []
    for row in case.errors[:MAX_ERRORS]:
        partners = choose_partners(study.clips, row, without, study.generator, 1)
        pairs += [(row, partner) for partner in partners]
    if not pairs:
        return {}
    changed = (with_blocks_of(study.read(row), study.read(partner), mask) for row, partner in pairs for mask in masks)
    probabilities = [float(p[case.predicted]) for p in study.predict(changed)]
    logs = np.log(np.maximum(probabilities, 1e-9)).reshape(len(pairs), len(masks)).mean(0)
    on_patch = np.array([(mask & patch.blocks).sum() >= MIN_SHARE * mask.sum() for mask in masks])
    strongest = np.argsort(logs, kind="stable")[:STRONGEST]
    return {"occlusion": float(on_patch[strongest].mean()), "occlusion_by_chance": float(on_patch.mean())}
