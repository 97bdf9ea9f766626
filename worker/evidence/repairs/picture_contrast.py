"""Where, and by which colour or texture, the pictures of a class's errors differ from those of recognised clips.

Every feature of every block is compared between errors and recognised clips of the same classes: a difference of means
within classes, in units of its standard error. The largest of all these values is tested by permuting errors and
recognised clips within their classes, so the p-value holds for all blocks and features together (Westfall and Young
1993). The patch is the connected region around it in which the same feature differs by at least half as much as there.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from worker.evidence.types import Floats, Labels

PERMUTATIONS = 999
REGION_SHARE = 0.5  # of the difference where the contrast is largest, which blocks of the patch reach

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Patch:
    """A region of the picture, what is different in it, and how to tell whether a clip has it."""

    blocks: Mask  # (14, 14)
    feature: int  # of FEATURES
    sign: int  # 1 where the errors have more of the feature
    threshold: float  # of `score`: half way between errors and recognised clips
    contrast: float  # the largest
    p_value: float | None  # None where it was not tested

    def score(self, features: Floats) -> float:
        """Return how much of what marks the patch a clip's features (4, 14, 14) have, in CIELAB units."""
        return self.sign * float(features[self.feature][self.blocks].mean())

    def is_in(self, features: Floats) -> bool:
        """Return whether a clip has the patch, according to its features (4, 14, 14)."""
        return self.score(features) > self.threshold


def find_patch(
    features: Floats, labels: Labels, is_error: Mask, groups: Labels, *, permutations: int = PERMUTATIONS, seed: int = 0
) -> Patch | None:
    """Find the patch by which errors differ, from features (n, 4, 14, 14), classes (n,), errors (n,), groups (n,).

    Clips of one group, class and outcome count as one. Return None where no class has both errors and recognised clips.
    """
    units, labels, is_error = _one_per_group(features, labels, is_error, groups)
    usable = np.isin(labels, [label for label in np.unique(labels) if 0 < is_error[labels == label].mean() < 1])
    units, labels, is_error = units[usable], labels[usable], is_error[usable]
    if len(units) < 3:
        return None
    differences, contrasts = (maps[0] for maps in _contrasts(units, labels, is_error[None]))
    largest = float(np.abs(contrasts).max())
    feature, row, column = np.unravel_index(int(np.abs(contrasts).argmax()), contrasts.shape)
    p_value = None
    if permutations:
        generator = np.random.default_rng(seed)
        shuffled = np.stack([_permute(is_error, labels, generator) for _ in range(permutations)])
        by_chance = np.abs(_contrasts(units, labels, shuffled)[1]).max((1, 2, 3))
        p_value = float((1 + (by_chance >= largest - 1e-9).sum()) / (1 + permutations))
    difference = differences[feature]
    sign = 1 if difference[row, column] > 0 else -1
    reaches = sign * difference >= REGION_SHARE * abs(difference[row, column])
    blocks = connected_region(reaches, int(row), int(column))
    scores = sign * units[:, feature][:, blocks].mean(1)
    threshold = float(scores[is_error].mean() + scores[~is_error].mean()) / 2
    return Patch(blocks, int(feature), sign, threshold, largest, p_value)


def connected_region(mask: Mask, row: int, column: int) -> Mask:
    """Return the connected part of a mask (h, w) that holds a position; neighbours share a side."""
    _, numbers = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    return np.asarray(numbers == numbers[row, column])


def overlap(one: Mask, other: Mask) -> float:
    """Return the share of the blocks of either region that are in both (intersection over union)."""
    return float((one & other).sum() / max(1, (one | other).sum()))


def _one_per_group(features: Floats, labels: Labels, is_error: Mask, groups: Labels) -> tuple[Floats, Labels, Mask]:
    keys = np.stack([groups, labels, is_error.astype(np.int64)], 1)
    unique, index = np.unique(keys, axis=0, return_inverse=True)
    means = np.stack([features[index.ravel() == number].mean(0) for number in range(len(unique))])
    return means, unique[:, 1], unique[:, 2].astype(bool)


def _permute(is_error: Mask, labels: Labels, generator: np.random.Generator) -> Mask:
    """Return errors (n,) in random order within each class."""
    permuted = is_error.copy()
    for label in np.unique(labels):
        of_class = labels == label
        permuted[of_class] = generator.permutation(is_error[of_class])
    return permuted


def _contrasts(features: Floats, labels: Labels, errors: Mask) -> tuple[Floats, Floats]:
    """Return differences and contrasts (draws, f, h, w) within classes, of errors (draws, n) in features (n, f, h, w).

    The difference is the slope of a regression on being an error, with one mean for each class. Its contrast is in
    standard errors, to whose deviation the median over the blocks is added (Tusher et al. 2001), so that a block that
    hardly varies among a few clips does not stand out.
    """
    values = features.reshape(len(features), -1).astype(np.float64)
    weights = errors.astype(np.float64)
    for label in np.unique(labels):
        of_class = labels == label
        values[of_class] -= values[of_class].mean(0)
        weights[:, of_class] -= weights[:, of_class].mean(1, keepdims=True)
    size = (weights**2).sum(1, keepdims=True)
    slope = weights @ values / size
    freedom = max(1, len(values) - len(np.unique(labels)) - 1)
    residual = np.maximum((values**2).sum(0) - slope**2 * size, 0) / freedom
    deviation = np.sqrt(residual).reshape(len(errors), features.shape[1], -1)
    typical = np.median(deviation, 2, keepdims=True)
    contrast = (slope * np.sqrt(size)).reshape(deviation.shape) / (deviation + typical + 1e-9)
    shape = (len(errors), *features.shape[1:])
    return slope.reshape(shape), contrast.reshape(shape)
