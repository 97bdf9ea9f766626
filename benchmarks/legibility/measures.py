"""Measure a set of stimuli or real clips against the labels, with 95 % intervals."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from app.contract.interval import Interval, share_interval
from app.contract.network import StreamName
from benchmarks.legibility.assets import PEOPLE, POSE_GROUPS, Assets, ClipSet
from benchmarks.legibility.judge import classify, classify_stream
from benchmarks.legibility.pose_distance import class_distances, rank_of, ratio_of
from benchmarks.legibility.pose_network import find_poses
from benchmarks.motion_reality import coupling, moving_share
from worker.networks.families.mocap_classes import CLASS_NAMES

BATCH, RESAMPLES = 63, 2000
SHARES = ("both", "appearance", "motion", "retrieval", "pose")  # that real clips must have more of than every floor
CHANCE = {
    **dict.fromkeys(("both", "appearance", "motion", "retrieval"), 1 / len(CLASS_NAMES)),
    "pose": 1 / len(set(POSE_GROUPS.values())),
    "figures": max(list(PEOPLE.values()).count(people) for people in (0, 1, 2)) / len(PEOPLE),
}

Row = Mapping[str, Interval]


@dataclass(frozen=True)
class Observed:
    """What is seen in N clips, whatever their labels are."""

    named: Mapping[str, Tensor]  # class (N,) by both streams, by each alone, and of the nearest real clip
    distances: list[dict[str, float]]  # of the pose that is found, by pose group
    people: np.ndarray  # (N,)
    moving: np.ndarray
    coupling: np.ndarray  # NaN where nothing moves or is seen

    def __add__(self, other: "Observed") -> "Observed":
        return Observed(
            {name: torch.cat([values, other.named[name]]) for name, values in self.named.items()},
            self.distances + other.distances,
            np.concatenate([self.people, other.people]),
            np.concatenate([self.moving, other.moving]),
            np.concatenate([self.coupling, other.coupling]),
        )


def observe(assets: Assets, clips: ClipSet) -> Observed:
    """Return what judge and pose estimator see in the clips, and how they move."""
    parts = [_observe(assets, clips[slice(at, at + BATCH)]) for at in range(0, len(clips.labels), BATCH)]
    return sum(parts[1:], parts[0])


def _observe(assets: Assets, clips: ClipSet) -> Observed:
    both, features = classify(assets.judge, clips.inputs)
    named = {"both": both, "retrieval": retrieve(features, assets.gallery, assets.gallery_labels)}
    for stream in (StreamName.APPEARANCE, StreamName.MOTION):
        named[stream.value] = classify_stream(assets.judge, clips.inputs, stream, assets.neutral.inputs)
    found, people = find_poses(assets.pose, clips.inputs)
    appearance = clips.inputs[StreamName.APPEARANCE].numpy()
    fields = clips.inputs[StreamName.MOTION]
    motion = fields.reshape(len(fields), -1, 2, *fields.shape[2:]).transpose(1, 2).numpy()
    with np.errstate(invalid="ignore", divide="ignore"):
        couplings = [coupling(image[:, None], flow) for image, flow in zip(appearance, motion, strict=True)]
    return Observed(
        named,
        [class_distances(pose, assets.poses) for pose in found],
        people,
        np.array([moving_share(flow) for flow in motion]),
        np.array(couplings),
    )


def score(seen: Observed, labels: Tensor) -> Row:
    """Return each measure against the labels (N,)."""
    row = {name: share((classes == labels).numpy()) for name, classes in seen.named.items()}
    names = [CLASS_NAMES[label] for label in labels.tolist()]
    row["figures"] = share(np.array([PEOPLE[name] for name in names]) == seen.people)
    own = [(POSE_GROUPS[n], d) for n, d in zip(names, seen.distances, strict=True) if n in POSE_GROUPS]
    row["pose"] = share(np.array([rank_of(name, distances) == 1 for name, distances in own]))
    row["pose ratio"] = mean_interval(np.array([ratio_of(name, distances) for name, distances in own]))
    row["moving"], row["coupling"] = mean_interval(seen.moving), mean_interval(seen.coupling)
    return row


def share(hits: npt.NDArray[np.bool_]) -> Interval:
    """Return the share of N cases that are hits, with Wilson's interval."""
    return share_interval(float(hits.mean()), len(hits))


def mean_interval(values: npt.NDArray[np.floating], seed: int = 0) -> Interval:
    """Return the mean of N values, without those that are NaN, with the interval of a bootstrap over them."""
    known = values[~np.isnan(values)]
    if not len(known):
        return Interval(value=np.nan, low=np.nan, high=np.nan)
    means = known[np.random.default_rng(seed).integers(0, len(known), (RESAMPLES, len(known)))].mean(1)
    low, high = np.quantile(means, (0.025, 0.975))
    return Interval(value=float(known.mean()), low=float(low), high=float(high))


def retrieve(features: Tensor, gallery: Tensor, labels: Tensor) -> Tensor:
    """Return the label (N,) of the nearest of M real clips (M, F) for features (N, F).

    By cosine, of features less the gallery's mean and in units of its standard deviation.
    """
    mean, spread = gallery.mean(0), gallery.std(0).clamp_min(1e-6)
    ours, real = (F.normalize((x - mean) / spread, dim=1) for x in (features, gallery))
    return labels[torch.argmax(ours @ real.T, 1)]


def find_failures(real: Mapping[str, Row], floors: Mapping[str, Row], least: float) -> list[str]:
    """Return a sentence for each measure that says nothing here.

    The judge must name `least` of the real clips of every rendering; of each share, real clips in the default rendering
    must have more than every floor, without overlap of the intervals.
    """
    failures = [
        f"The judge names {row['both'].value:.0%} of real clips ({name}), fewer than {least:.0%}."
        for name, row in real.items()
        if row["both"].value < least
    ]
    reference = next(iter(real.values()))
    for measure in SHARES:
        for name, row in floors.items():
            if reference[measure].low <= row[measure].high:
                failures.append(f"Real clips are not above the floor `{name}` by {measure}.")
    return failures
