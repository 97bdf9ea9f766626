"""Fit linear probes: directions that tell the classes of a data set from the mean activation of a clip.

Multinomial logistic regression on the mean over positions, by scikit-learn. The code of a position is w.a + b, so that
the mean code over a clip is the probe's logit.
"""

import warnings
from collections import Counter

import numpy as np
import numpy.typing as npt
import torch

from app.contract.dictionary import Dictionary, DictionaryFacts, ProbeMeasures
from app.contract.errors import InvalidRequest
from app.contract.interval import Interval
from app.contract.network import Layer
from worker.directions.activations import LayerSample, Rows, split_clips
from worker.directions.learn import Learned
from worker.directions.measures import RESAMPLINGS
from worker.networks.dictionary import Directions

MAX_ITERATIONS = 1000
STRENGTH = 1.0  # C of the regression: the inverse of its weight decay, on features of variance 1

Labels = npt.NDArray[np.int64]


def learn_probe(sample: LayerSample, base: Layer, dataset: str, *, seed: int = 0) -> Learned:
    """Return a direction for each class, named after it, and how well all tell the classes of held-out clips.

    A fifth of the clips of each class is held out. Raises InvalidRequest for fewer than two classes, or a class of one
    clip.
    """
    names = tuple(dict.fromkeys(sample.labels))
    counts = Counter(sample.labels)
    if len(names) < 2:
        raise InvalidRequest(f"All clips are of the class {names[0]}: bring clips of another one, to tell them apart.")
    lonely = [name for name in names if counts[name] < 2]
    if lonely:
        raise InvalidRequest(
            f"A probe is fitted to some clips of a class and measured on others, and {lonely[0]} has only one"
            f"{f' ({len(lonely) - 1:,} more too)' if len(lonely) > 1 else ''}: bring more clips of each class."
        )
    labels = np.array([names.index(label) for label in sample.labels])
    fitted, held = split_clips(len(labels), seed, sample.labels)
    weights, bias = fit_probe(sample.means[fitted], labels[fitted], len(names))
    predicted = (sample.means[held] @ weights.T + bias).argmax(1)
    encoder = torch.from_numpy(weights)
    lengths = encoder.square().sum(1, keepdim=True).clamp_min(1e-12)
    directions = Directions(encoder, torch.from_numpy(bias), encoder / lengths, torch.zeros(encoder.shape[1]))
    facts = DictionaryFacts(
        dataset=dataset,
        settings={"seed": seed, "clips": len(fitted)},
        probe=measure_probe(predicted, labels[held], seed),
    )
    return Learned(directions, Dictionary(base=base.name, method="probe", names=names), facts)


def fit_probe(features: Rows, labels: Labels, classes: int) -> tuple[Rows, Rows]:
    """Return the weights (classes, C) and biases (classes,) of a logistic regression on features (N, C)."""
    from sklearn.linear_model import LogisticRegression

    mean, deviation = features.mean(0), features.std(0)
    scale = np.where(deviation > 1e-6 * deviation.max(initial=1e-30), deviation, np.inf)  # a constant tells nothing
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of convergence: the held-out accuracy tells how good it is
        model = LogisticRegression(C=STRENGTH, max_iter=MAX_ITERATIONS).fit((features - mean) / scale, labels)
    weights, bias = np.asarray(model.coef_), np.asarray(model.intercept_)
    if classes == 2:  # of two classes there is one logit
        weights, bias = np.concatenate([-weights, weights]) / 2, np.concatenate([-bias, bias]) / 2
    weights = weights / scale
    return weights.astype(np.float32), (bias - weights @ mean).astype(np.float32)


def measure_probe(predicted: Labels, labels: Labels, seed: int) -> ProbeMeasures:
    """Return the accuracy on held-out clips (n,), its 95 % interval over resampled clips, and what chance gives.

    Chance is the mean over permutations of the held-out labels; p is the share of them, the labels' own order counted
    in, that are predicted as well (Ojala and Garriga, 2010).
    """
    rng = np.random.default_rng(seed)
    correct = predicted == labels
    resampled = correct[rng.integers(0, len(labels), (RESAMPLINGS, len(labels)))].mean(1)
    permuted = np.array([(predicted == rng.permutation(labels)).mean() for _ in range(RESAMPLINGS)])
    accuracy = float(correct.mean())
    low, high = np.quantile(resampled, (0.025, 0.975))
    return ProbeMeasures(
        clips=len(labels),
        accuracy=Interval(value=accuracy, low=float(low), high=float(high)),
        chance=float(permuted.mean()),
        p_value=float((1 + (permuted >= accuracy).sum()) / (1 + RESAMPLINGS)),
    )
