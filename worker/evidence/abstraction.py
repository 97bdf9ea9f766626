"""How many units of each layer detect a class better than under shuffled labels, in a network and its control."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.contract.invariance import LayerAbstraction
from worker.evidence.best_precision import BestPrecision, measure_best_precision
from worker.evidence.checkpoint import SurveyCheckpoint
from worker.evidence.clip_choice import choose_clips
from worker.evidence.layer_sharing import DRAWS, resampled_unit
from worker.evidence.resampling import FALSE_DISCOVERY_RATE, GroupedClips, find_p_limit, make_interval
from worker.evidence.types import Floats

MAX_CLIPS = 1000  # of which average precision is taken: a permutation sorts them all, for each unit
MAX_RANKED, MIN_SHUFFLES, MAX_SHUFFLES = 3e8, 99, 499  # clips x units x shuffles: about ten seconds of a core


@dataclass(frozen=True)
class Abstraction:
    """The units of a layer that detect a class, and their share of the live units where other classes are drawn."""

    facts: LayerAbstraction
    share: float
    resampled: Floats  # (DRAWS,)


def measure_abstraction(
    checkpoints: Sequence[SurveyCheckpoint], layers: Sequence[str], clips: GroupedClips, generator: np.random.Generator
) -> list[Mapping[str, Abstraction]]:
    """Return for each checkpoint what is measured by layer; nothing where the clips are of one class.

    The same shuffled labels and the same draws serve all.
    """
    rows = np.array(choose_clips(clips, MAX_CLIPS), np.int64)
    chosen = GroupedClips(clips.labels[rows], np.unique(clips.groups[rows], return_inverse=True)[1])
    present = np.unique(chosen.labels)
    if len(present) < 2:
        return [{} for _ in checkpoints]
    units = sum(layer.units for layer in checkpoints[0].layers) * len(checkpoints)
    draws = int(np.clip(MAX_RANKED / (len(rows) * units), MIN_SHUFFLES, MAX_SHUFFLES))
    shuffled = [chosen.shuffle(generator) for _ in range(draws)]
    # how often each class is drawn; groups within a class say nothing of how many units there are
    weights = generator.multinomial(len(present), [1 / len(present)] * len(present), DRAWS).astype(float)
    if resampled_unit(chosen) == "groups":
        weights = np.ones_like(weights)
    classes = int(present.max()) + 1
    by_class = np.zeros((DRAWS, classes))
    by_class[:, present] = weights
    results: list[Mapping[str, Abstraction]] = []
    for checkpoint in checkpoints:
        measured = {
            name: measure_best_precision(
                (peaks[rows] for _, peaks in checkpoint.unit_chunks(name)), chosen.labels, classes, shuffled
            )
            for name in layers
        }
        p_values = np.concatenate([each.p_value[each.live] for each in measured.values()])
        limit = find_p_limit(p_values, FALSE_DISCOVERY_RATE)
        results.append({name: _summarize(each, limit, by_class) for name, each in measured.items()})
    return results


def _summarize(measured: BestPrecision, p_limit: float, by_class: Floats) -> Abstraction:
    detectors, live = measured.detectors(p_limit), int(measured.live.sum())
    of_class = np.bincount(measured.label[detectors], minlength=by_class.shape[1])
    resampled = by_class @ of_class / max(1, live)
    share = int(detectors.sum()) / max(1, live)
    best = measured.best[measured.live]
    facts = LayerAbstraction(
        live=live,
        best=float(best.mean()) if live else 0.0,
        chance=measured.chance,
        chance_high=measured.chance_high,
        above=int((best > measured.chance_high).sum()),
        detectors=int(detectors.sum()),
        share=make_interval(share, resampled),
    )
    return Abstraction(facts, share, resampled)
