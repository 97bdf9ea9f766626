"""How well a trained network does, by class and by stream, and whether the planted facts are in it."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch

from worker.mocap.batches import whole_batches
from worker.mocap.cache import Clips
from worker.mocap.student import FUSED, Student, with_late_fusion
from worker.networks.families.mocap_classes import (
    APPEARANCE_PAIR,
    BIASED_CLASS,
    BINDING_PAIR,
    CLASS_NAMES,
    LEAKY_PAIR,
    SPEED_PAIR,
)

Scores = Mapping[str, npt.NDArray[np.float32]]  # by stream, `fused` and `late`: logits (N, classes)
Report = dict[str, object]

PAIRS = {"binding": BINDING_PAIR, "leaky": LEAKY_PAIR, "appearance": APPEARANCE_PAIR, "speed": SPEED_PAIR}


def score(student: Student, clips: Clips, device: str | torch.device = "cpu") -> Scores:
    student.eval()
    found: dict[str, list[npt.NDArray[np.float32]]] = {}
    with torch.inference_mode():
        for batch in whole_batches(clips):
            logits = student({name: values.to(device) for name, values in batch.inputs.items()})
            for stream, values in with_late_fusion(logits).items():
                found.setdefault(stream, []).append(values.cpu().numpy())
    return {stream: np.concatenate(values) for stream, values in found.items()}


def accuracy(scores: Scores, labels: npt.NDArray[np.int64]) -> dict[str, float]:
    return {stream: float((values.argmax(1) == labels).mean()) for stream, values in scores.items()}


def forced_choice(scores: Scores, labels: npt.NDArray[np.int64], pair: tuple[str, str]) -> dict[str, float]:
    """The share of the pair's clips for which the right one of the two scores higher: 0.5 is chance."""
    one, other = (CLASS_NAMES.index(name) for name in pair)
    chosen = (labels == one) | (labels == other)
    found = {}
    for stream, values in scores.items():
        says_one = values[chosen, one] > values[chosen, other]
        found[stream] = float((says_one == (labels[chosen] == one)).mean())
    return found


def recall(scores: Scores, chosen: npt.NDArray[np.bool_], name: str, stream: str = FUSED) -> float:
    """The share of the chosen clips taken for the class."""
    return float((scores[stream][chosen].argmax(1) == CLASS_NAMES.index(name)).mean())


def report(scores: Scores, clips: Clips) -> Report:
    """Accuracies, the planted pairs, and the recall of backflips with and without the mat, as plain JSON."""
    labels = clips.labels
    present = sorted(set(labels.tolist()))
    by_class = {
        CLASS_NAMES[index]: {
            stream: round(recall(scores, labels == index, CLASS_NAMES[index], stream), 4) for stream in scores
        }
        for index in present
    }
    found: Report = {"clips": len(labels), "accuracy": _rounded(accuracy(scores, labels)), "by_class": by_class}
    pairs = {
        name: _rounded(forced_choice(scores, labels, pair))
        for name, pair in PAIRS.items()
        if all(CLASS_NAMES.index(one) in present for one in pair)
    }
    if pairs:
        found["forced_choice"] = pairs
    biased = labels == CLASS_NAMES.index(BIASED_CLASS)
    groups = {"mat": biased & clips.mats, "bare": biased & ~clips.mats}
    if all(group.any() for group in groups.values()):
        found["recall_of_backflips"] = {
            name: round(recall(scores, group, BIASED_CLASS), 4) for name, group in groups.items()
        }
    return found


def confusions(scores: Scores, labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """(classes, classes): how many clips of the row's class are taken for the column's."""
    counts = np.zeros((len(CLASS_NAMES), len(CLASS_NAMES)), np.int64)
    np.add.at(counts, (labels, scores[FUSED].argmax(1)), 1)
    return counts


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in values.items()}
