"""Measure dictionaries on clips that they were not learned from. Rows are activations (n, C) at positions of clips."""

import numpy as np
import torch
from torch import Tensor

from app.contract.dictionary import DictionaryMeasures, Method
from app.contract.interval import Interval
from worker.directions.activations import LayerSample, Numbers
from worker.networks.dictionary import DictionaryLayer, Directions

RESAMPLINGS = 1000
EXACT_ROWS = 200  # whose codes are compared with the exact solution
ROWS_AT_ONCE = 8192


def measure_dictionary(
    directions: Directions, method: Method, sample: LayerSample, learned: Numbers, held: Numbers, seed: int
) -> DictionaryMeasures:
    """Return how well the directions describe the held-out clips.

    The share of variance explained is 1 - sum |a - reconstruction|^2 / sum |a - m|^2, with m the mean over the clips
    that were learned from. Its interval is from resampled clips. Beside it are as many random directions, projected on
    by least squares, and as many channels, those of the largest variance, the others at m.
    """
    of_learned = torch.from_numpy(sample.of_clips(learned))
    rows, clips = torch.from_numpy(sample.of_clips(held)), sample.clips[np.isin(sample.clips, held)]
    layer = DictionaryLayer(directions, follows_relu=False)
    mean, variance = of_learned.mean(0), of_learned.var(0)
    errors, codes_used, used = [], 0, torch.zeros(directions.size, dtype=torch.bool)
    for some in torch.split(rows, ROWS_AT_ONCE):
        code = layer.encode(some)
        active = (code > 0) if layer.rectified else (code != 0)
        codes_used += int(active.sum())
        used |= active.any(0)
        errors.append((some - reconstruct(layer, method, code)).square().sum(1))
    centered = rows - mean
    total = centered.square().sum(1)
    size = min(directions.size, rows.shape[1])
    kept = variance.argsort(descending=True)[:size]
    generator = torch.Generator().manual_seed(seed)
    basis = torch.linalg.qr(torch.randn(rows.shape[1], size, generator=generator)).Q
    whole = float(total.sum()) or 1.0
    return DictionaryMeasures(
        clips=len(held),
        positions=len(rows),
        explained=explained_share(torch.cat(errors), total, clips, seed),
        random_explained=float((centered @ basis).square().sum()) / whole,
        channels_explained=float(centered[:, kept].square().sum()) / whole,
        active=codes_used / len(rows),
        channels_active=float((rows != 0).sum(1).float().mean()),
        dead=int((~used).sum()),
        encoder_error=encoder_error(layer, rows, seed) if directions.kind == "nnls" else None,
    )


def reconstruct(layer: DictionaryLayer, method: Method, code: Tensor) -> Tensor:
    """Return what a code (n, K), before its ReLU, says of the activations; of clusters, the nearest centroid."""
    if method == "kmeans":
        return layer.encoder[code.argmax(1)]
    return layer.decode(code.relu() if layer.rectified else code)


def explained_share(errors: Tensor, totals: Tensor, clips: Numbers, seed: int) -> Interval:
    """Return 1 - sum errors / sum totals over positions (n,), with the 95 % interval over resampled clips."""
    numbers, index = np.unique(clips, return_inverse=True)
    of_clip = np.zeros((2, len(numbers)))
    np.add.at(of_clip[0], index, errors.double().numpy())
    np.add.at(of_clip[1], index, totals.double().numpy())
    drawn = np.random.default_rng(seed).integers(0, len(numbers), (RESAMPLINGS, len(numbers)))
    resampled = 1 - of_clip[0][drawn].sum(1) / np.maximum(of_clip[1][drawn].sum(1), 1e-30)
    low, high = np.quantile(resampled, (0.025, 0.975))
    value = 1 - of_clip[0].sum() / max(of_clip[1].sum(), 1e-30)
    return Interval(value=float(value), low=float(low), high=float(high))


def encoder_error(layer: DictionaryLayer, rows: Tensor, seed: int) -> float:
    """Return by how much the squared error of codes from fixed iterations is above the least, as a share of |a|^2.

    The least is that of scipy's active-set solution, on some rows.
    """
    from scipy.optimize import nnls

    drawn = np.random.default_rng(seed).permutation(len(rows))[:EXACT_ROWS]
    target = rows[drawn].relu()
    reached = (target - layer.decode(layer.encode(target).relu())).square().sum().double()
    factors = layer.decoder.double().numpy().T
    least = sum(nnls(factors, row)[1] ** 2 for row in target.double().numpy())
    return float((reached - least) / max(1e-30, float(target.square().sum())))
