"""What of a layer's response to a clip stays when the clip's motion is changed: its class, the clip, its speed.

A clip is represented by the peaks of the layer's units, standardized over the unchanged clips and scaled to length 1.
All measures follow from the products of these vectors, so that only N x N matrices are kept.

    same class   share of changed clips whose nearest unchanged clip, of another group, has the same class
    within       the same of unchanged clips
    still        the same of clips without motion: what appearance alone finds
    same clip    share of changed clips whose nearest unchanged clip is the clip itself
    decoded      share of changed clips, of groups left out, whose nearest class mean of unchanged clips is their own
    told apart   area under the ROC curve that tells changed clips from unchanged ones, by the nearest mean
    CKA          centred kernel alignment of the two sets of responses (Kornblith et al. 2019, arXiv 1905.00414)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from worker.evidence.resampling import Integers
from worker.evidence.types import Floats, Labels

FOLDS = 5  # in which groups are left out
DECODED_SHUFFLES = 19  # enough for the mean of what chance decodes, which is all that is told of it
EPSILON = 1e-6  # a unit that varies by less, relative to its mean, is constant


@dataclass(frozen=True)
class Scores:
    """A score for each of N clips, whose weighted mean is a measure."""

    values: Floats  # (N,)

    def mean(self) -> float:
        return float(self.values.mean())

    def resampled(self, weights: Floats) -> Floats:
        """Return the mean for each of D draws, weights (D, N) saying how often each clip counts: (D,)."""
        return np.asarray(weights @ self.values / np.maximum(weights.sum(1), 1e-12))


@dataclass(frozen=True)
class Contrast:
    """How well changed clips are told from unchanged ones: scores (N,) of each."""

    changed: Floats
    unchanged: Floats

    def mean(self) -> float:
        return float(self.resampled(np.ones((1, len(self.changed))))[0])

    def resampled(self, weights: Floats) -> Floats:
        """Return the area under the ROC curve for each of D draws, weights (D, N): (D,)."""
        return weighted_auc(self.changed, self.unchanged, weights, weights)


@dataclass(frozen=True)
class Sharing:
    """What a layer shares between N clips and the same clips changed; chance comes from shuffled labels."""

    same_class: Scores
    within: Scores
    still: Scores
    same_clip: Scores
    decoded: Scores
    decoded_within: Scores
    told_apart: Contrast
    cka: float
    chance: Floats  # (shuffles,) same_class under shuffled labels
    decoded_chance: Floats  # (DECODED_SHUFFLES,) the same of decoded


@dataclass(frozen=True)
class Representation:
    """N clips as vectors of length 1, or 0 for one that excites nothing: (N, U)."""

    vectors: Floats

    @staticmethod
    def standardize(peaks: Floats, unchanged: Floats) -> "Representation":
        """Standardize peaks (N, U) by the means and deviations of the unchanged ones (M, U)."""
        mean, deviation = unchanged.mean(0, dtype=np.float64), unchanged.std(0, dtype=np.float64)
        varies = deviation > EPSILON * np.maximum(np.abs(mean), EPSILON)
        scaled = (peaks[:, varies] - mean[varies]) / deviation[varies]
        norms = np.linalg.norm(scaled, axis=1, keepdims=True)
        return Representation(np.divide(scaled, norms, out=np.zeros_like(scaled), where=norms > 0))


def measure_sharing(
    unchanged: Floats,
    changed: Floats,
    still: Floats,
    labels: Labels,
    groups: Integers,
    shuffled: Sequence[Labels],
    folds: Integers,
) -> Sharing:
    """Measure a layer from its peaks (N, U) on the same N clips unchanged, changed, and without motion.

    `shuffled` are labels (N,) in random order; `folds` (N,) say when a clip is left out, a group's clips together.
    """
    gallery, queries, rested = (
        Representation.standardize(peaks, unchanged).vectors for peaks in (unchanged, changed, still)
    )
    same_group = groups[:, None] == groups[None]
    products, within, resting = queries @ gallery.T, gallery @ gallery.T, rested @ gallery.T
    nearest = np.where(same_group, -np.inf, products).argmax(1)
    decoded = decode_classes(products, within, labels, folds)
    return Sharing(
        same_class=Scores((labels[nearest] == labels).astype(float)),
        within=_same_class(within, same_group, labels),
        still=_same_class(resting, same_group, labels),
        same_clip=Scores((products.argmax(1) == np.arange(len(labels))).astype(float)),
        decoded=Scores((decoded == labels).astype(float)),
        decoded_within=Scores((decode_classes(within, within, labels, folds) == labels).astype(float)),
        told_apart=_tell_apart(within, products, queries @ queries.T, folds),
        cka=linear_cka(unchanged, changed),
        chance=np.array([(other[nearest] == other).mean() for other in shuffled]),
        decoded_chance=np.array(
            [(decode_classes(products, within, other, folds) == other).mean() for other in shuffled[:DECODED_SHUFFLES]]
        ),
    )


def decode_classes(products: Floats, within: Floats, labels: Labels, folds: Integers) -> Labels:
    """Return for N clips the class of the nearest class mean of unchanged clips in the other folds: (N,).

    `products` (N, N) are those of the clips with the unchanged ones, `within` (N, N) of the unchanged ones.
    """
    classes, index = np.unique(labels, return_inverse=True)
    members = np.eye(len(classes))[index]  # (N, C)
    decoded = np.zeros(len(labels), np.int64)
    for fold in np.unique(folds):
        left_out = folds == fold
        training = members * ~left_out[:, None]
        counts = training.sum(0)
        means = training / np.maximum(counts, 1)
        lengths = (means * (within @ means)).sum(0)  # of the class means, squared
        distances = lengths - 2 * products[left_out] @ means
        decoded[left_out] = np.where(counts > 0, distances, np.inf).argmin(1)
    return np.asarray(classes[decoded], np.int64)


def fold_groups(labels: Labels, groups: Integers, folds: int = FOLDS) -> Integers:
    """Return for N clips the fold in which they are left out: the groups of each class are dealt in turn."""
    fold_of: dict[int, int] = {}
    for label in np.unique(labels):
        for group in np.unique(groups[labels == label]).tolist():
            fold_of.setdefault(group, len(fold_of) % folds)
    return np.array([fold_of[group] for group in groups.tolist()], np.int64)


def linear_cka(first: Floats, second: Floats) -> float:
    """Return the linear CKA of responses (N, U) and (N, V): 1 where one is the other rotated and scaled; 0 for none."""
    kernels = []
    for responses in (first, second):
        centred = responses.astype(np.float64) - responses.mean(0, dtype=np.float64)
        kernels.append(centred @ centred.T)
    norms = [float((kernel**2).sum()) ** 0.5 for kernel in kernels]
    return float((kernels[0] * kernels[1]).sum() / (norms[0] * norms[1])) if min(norms) > 0 else 0.0


def tell_pair(peaks: Floats, is_second: Labels, folds: Integers) -> Floats:
    """Return scores (N,) of left-out clips that are higher for the second of two classes: peaks (N, U)."""
    vectors = Representation.standardize(peaks, peaks).vectors
    products = vectors @ vectors.T
    scores = np.zeros(len(peaks))
    for fold in np.unique(folds):
        left_out = folds == fold
        means = [((is_second == side) & ~left_out).astype(float) for side in (0, 1)]
        means = [mean / max(1.0, mean.sum()) for mean in means]
        lengths = [float(mean @ products @ mean) for mean in means]
        scores[left_out] = products[left_out] @ (means[1] - means[0]) - (lengths[1] - lengths[0]) / 2
    return scores


def weighted_auc(positive: Floats, negative: Floats, positive_weights: Floats, negative_weights: Floats) -> Floats:
    """Return the area under the ROC curve of scores (P,) and (Q,) for each of D draws, weights (D, P) and (D, Q): (D,).

    Ties count by half (Mann-Whitney U).
    """
    wins = (positive[:, None] > negative[None]) + 0.5 * (positive[:, None] == negative[None])  # (P, Q)
    totals = positive_weights.sum(1) * negative_weights.sum(1)
    return np.asarray(((positive_weights @ wins) * negative_weights).sum(1) / np.maximum(totals, 1e-12))


def _same_class(products: Floats, excluded: Floats, labels: Labels) -> Scores:
    nearest = np.where(excluded, -np.inf, products).argmax(1)
    return Scores((labels[nearest] == labels).astype(float))


def _tell_apart(within: Floats, products: Floats, changed: Floats, folds: Integers) -> Contrast:
    """Score clips by the nearest mean of changed or unchanged clips in the other folds."""
    scores = np.zeros((2, len(folds)))
    for fold in np.unique(folds):
        left_out = folds == fold
        mean = (~left_out) / max(1, (~left_out).sum())
        lengths = float(mean @ changed @ mean) - float(mean @ within @ mean)
        scores[0, left_out] = changed[left_out] @ mean - products[left_out] @ mean - lengths / 2
        scores[1, left_out] = products.T[left_out] @ mean - within[left_out] @ mean - lengths / 2
    return Contrast(scores[0], scores[1])
