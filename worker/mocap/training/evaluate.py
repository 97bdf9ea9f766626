"""Measure a trained network: accuracies by class and stream, and whether it learned the planted facts."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from worker.mocap.dataset.shards import Clips
from worker.mocap.training.batches import evaluation_batches
from worker.mocap.training.student import FUSED, Student, with_late_fusion
from worker.networks.families.mocap_classes import (
    APPEARANCE_PAIR,
    BIASED_CLASS,
    BINDING_PAIR,
    CLASS_NAMES,
    LEAKY_PAIR,
    SPEED_PAIR,
)

Scores = Mapping[str, npt.NDArray[np.float32]]  # by stream, `fused` and `late`: logits (N, classes)
Report = dict[str, Any]  # JSON

PAIRS = {"binding": BINDING_PAIR, "leaky": LEAKY_PAIR, "appearance": APPEARANCE_PAIR, "speed": SPEED_PAIR}


def compute_scores(student: Student, clips: Clips, device: str | torch.device = "cpu") -> Scores:
    """Return the logits of every clip, by stream."""
    student.eval()
    logits_by_stream: dict[str, list[npt.NDArray[np.float32]]] = {}
    with torch.inference_mode():
        for batch in evaluation_batches(clips):
            logits = student({name: values.to(device) for name, values in batch.inputs.items()})
            for stream, values in with_late_fusion(logits).items():
                logits_by_stream.setdefault(stream, []).append(values.cpu().numpy())
    return {stream: np.concatenate(values) for stream, values in logits_by_stream.items()}


def accuracy(scores: Scores, labels: npt.NDArray[np.int64]) -> dict[str, float]:
    """Return the share of clips that are classified correctly, by stream."""
    return {stream: float((values.argmax(1) == labels).mean()) for stream, values in scores.items()}


def forced_choice(scores: Scores, labels: npt.NDArray[np.int64], pair: tuple[str, str]) -> dict[str, float]:
    """Return the share of a pair's clips for which the correct one of the two classes scores higher, by stream.

    Chance is 0.5.
    """
    one, other = (CLASS_NAMES.index(name) for name in pair)
    chosen = (labels == one) | (labels == other)
    shares = {}
    for stream, values in scores.items():
        prefers_one = values[chosen, one] > values[chosen, other]
        shares[stream] = float((prefers_one == (labels[chosen] == one)).mean())
    return shares


def recall(scores: Scores, chosen: npt.NDArray[np.bool_], name: str, stream: str = FUSED) -> float:
    """Return the share of the chosen clips that are classified as the class."""
    return float((scores[stream][chosen].argmax(1) == CLASS_NAMES.index(name)).mean())


def make_report(scores: Scores, clips: Clips) -> Report:
    """Return accuracies, the planted pairs, and the recall of backflips with and without the mat, ready for JSON."""
    labels = clips.labels
    present = sorted(set(labels.tolist()))
    by_class = {
        CLASS_NAMES[index]: {
            stream: round(recall(scores, labels == index, CLASS_NAMES[index], stream), 4) for stream in scores
        }
        for index in present
    }
    result: Report = {"clips": len(labels), "accuracy": _rounded(accuracy(scores, labels)), "by_class": by_class}
    pairs = {
        name: _rounded(forced_choice(scores, labels, pair))
        for name, pair in PAIRS.items()
        if all(CLASS_NAMES.index(one) in present for one in pair)
    }
    if pairs:
        result["forced_choice"] = pairs
    biased = labels == CLASS_NAMES.index(BIASED_CLASS)
    groups = {"mat": biased & clips.has_mat, "bare": biased & ~clips.has_mat}
    if all(group.any() for group in groups.values()):
        result["recall_of_backflips"] = {
            name: round(recall(scores, group, BIASED_CLASS), 4) for name, group in groups.items()
        }
    return result


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in values.items()}
