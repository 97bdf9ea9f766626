"""Add finished surveys of some networks, and explanations of clips."""

import json
from datetime import timedelta
from itertools import combinations

import numpy as np

from app.contract.evidence import TOP_CLASSES_PER_UNIT, TOP_CLIPS_PER_UNIT
from app.contract.explanation import (
    ClassShares,
    Contribution,
    Explanation,
    LayerShares,
    Prediction,
)
from app.contract.job import JobKind, JobState
from app.contract.network import CLASS_LAYER, Layer, NetworkCard
from app.contract.survey import AppearanceBias, StreamFacts, StreamPair
from app.contract.unit import UnitRole
from app.store.database.packing import pack, pack_counts
from app.store.database.survey_tables import (
    PredictionRow,
    SurveyRow,
    TopClipRow,
    UnitClassRow,
    UnitEvidenceByClassRow,
    UnitEvidenceRow,
)
from app.store.database.tables import JobRow
from app.store.database.upload_tables import ExplanationMediaRow, ExplanationRow
from benchmarks.catalog.fill import CLIP_ROLES, FIRST_DAY, MEDIA_COLUMNS, MEDIA_PER_ROLE, CatalogueFiller
from benchmarks.catalog.networks import KINETICS

MAX_PAIRS = 180  # of classes, as many as a survey stores
UNITS_PER_BATCH = 2000
EVIDENCE_COLUMNS = (
    "survey_id",
    "unit_id",
    "layer_index",
    "a_hat",
    "mean",
    "firing_rate",
    "effective_classes",
    "role",
    "best_class",
    "best_precision",
    "synergy_stimulus",
    "synergy_clips",
    "swap",
    "speed_octaves",
    "direction_selectivity",
    "curves",
)


def add_survey(catalogue: CatalogueFiller, number: int, card: NetworkCard) -> None:
    """Add a survey of the network with this number; the caller then calls `denormalize_survey`."""
    sink, rng = catalogue.sink, catalogue.rng
    dataset = "kinetics" if card.classes[0] == KINETICS[0] and len(card.streams) == 1 else "ucf"
    known = {name: index for index, name in enumerate(card.classes)}
    clips = [(id, known[label]) for id, label in catalogue.clips[dataset] if label in known]
    predictions = [_predicted(rng, label, len(card.classes)) for _, label in clips]
    confusion = np.zeros((len(card.classes), len(card.classes)), dtype=int)
    np.add.at(confusion, ([label for _, label in clips], predictions), 1)
    moment = sink.format_time(FIRST_DAY + timedelta(days=80, hours=number))
    columns = (
        "id",
        "network_id",
        "dataset_id",
        "started_at",
        "finished_at",
        "clips",
        "accuracy",
        "seconds",
        "skipped",
        "recall",
        "confusion",
        "streams",
    )
    recall = (confusion.diagonal() / np.maximum(1, confusion.sum(1))).tolist()
    row = (
        number,
        number,
        1 if dataset == "kinetics" else 2,
        moment,
        moment,
        len(clips),
        float(np.mean(recall)),
        3600.0,
        "[]",
    )
    streams = json.dumps(_streams(rng, card).model_dump(mode="json")) if len(card.streams) > 1 else None
    sink.put(SurveyRow, columns, [(*row, pack(recall), pack_counts(confusion.ravel().tolist()), streams)])
    sink.put(
        PredictionRow,
        ("survey_id", "clip_id", "own", "taken", "probability", "own_probability"),
        (
            (number, id, label, predicted, 0.9 - id % 500 / 1000, 0.9 - id % 500 / 1000 if label == predicted else 0.05)
            for (id, label), predicted in zip(clips, predictions, strict=True)
        ),
    )
    units = [(layer.index, layer.units, index) for layer in card.layers for index in range(layer.units)]
    first = catalogue.first_unit[card.slug]
    for start in range(0, len(units), UNITS_PER_BATCH):
        chosen = units[start : start + UNITS_PER_BATCH]
        _add_units(catalogue, number, card, first + start, chosen, np.array([id for id, _ in clips]))


def _add_units(
    catalogue: CatalogueFiller,
    survey: int,
    card: NetworkCard,
    first: int,
    units: list[tuple[int, int, int]],
    clips: np.ndarray,
) -> None:
    rng, count, classes = catalogue.rng, len(units), len(card.classes)
    responses = rng.gamma(0.7, 0.2, (count, classes)).astype("<f4")
    precision = np.clip(rng.gamma(0.6, 0.02, (count, classes)), 0, 1).astype("<f4")
    favourite = rng.integers(classes, size=count)
    precision[range(count), favourite] += rng.random(count) * 0.7
    shares = responses / responses.sum(1, keepdims=True)
    effective = np.exp(-(shares * np.log(np.maximum(shares, 1e-12))).sum(1)) * rng.random(count) ** 0.5
    a_hat = rng.gamma(3.0, size=count) * (rng.random(count) > 0.03)
    best = np.argsort(-precision, axis=1)[:, :TOP_CLASSES_PER_UNIT]
    roles = [UnitRole.of(*measures, classes) for measures in zip(a_hat.tolist(), effective.tolist(), strict=True)]
    measured = rng.normal(0.2, 0.3, (count, 3)).tolist() if len(card.streams) > 1 else [[None] * 3] * count
    tuned = rng.random((count, 2)).tolist()
    speed = {"factors": [0.25, 0.5, 1, 2, 4], "responses": [0.2, 0.6, 1.0, 0.7, 0.3], "octaves": 2.5}
    direction = {
        "degrees": [45.0 * step for step in range(8)],
        "responses": [1.0, 0.6, 0.4, 0.3] * 2,
        "selectivity": 0.3,
    }

    def curves(unit_count: int, index: int) -> str:
        correlated = [[(index + step) % unit_count, 0.9 / step] for step in range(1, min(9, unit_count))]
        return json.dumps({"speed": speed, "direction": direction, "alike": correlated})

    sink, ids = catalogue.sink, range(first, first + count)
    sink.put(
        UnitEvidenceRow,
        EVIDENCE_COLUMNS,
        (
            (
                *(survey, id, layer, float(a_hat[at]), float(a_hat[at] / 3), 0.5, float(effective[at])),
                *(str(roles[at]), int(best[at, 0]), float(precision[at, best[at, 0]]), *measured[at]),
                *(4 * tuned[at][0], tuned[at][1], curves(unit_count, index)),
            )
            for at, (id, (layer, unit_count, index)) in enumerate(zip(ids, units, strict=True))
        ),
    )
    maxima = (responses * a_hat[:, None] * 1.5).astype("<f4")
    sink.put(
        UnitEvidenceByClassRow,
        ("survey_id", "unit_id", "responses", "maxima", "precision"),
        (
            (survey, id, responses[at].tobytes(), maxima[at].tobytes(), precision[at].tobytes())
            for at, id in enumerate(ids)
        ),
    )
    sink.put(
        UnitClassRow,
        ("survey_id", "unit_id", "rank", "class_index", "precision", "response", "layer_index", "is_generic"),
        (
            (
                *(survey, id, rank, int(index), float(precision[at, index]), float(responses[at, index])),
                *(units[at][0], roles[at] is UnitRole.GENERIC),
            )
            for at, id in enumerate(ids)
            if roles[at] is not UnitRole.DEAD
            for rank, index in enumerate(best[at])
        ),
    )
    trace = pack([0.1 * step for step in range(card.stimulus.frames)])
    sink.put(
        TopClipRow,
        ("survey_id", "unit_id", "rank", "clip_id", "activation", "x", "y", "time", "trace"),
        (
            (survey, id, rank, int(clip), float(a_hat[at]) / (rank + 1), 0.4, 0.6, 0.5, trace)
            for at, id in enumerate(ids)
            for rank, clip in enumerate(clips[rng.integers(len(clips), size=TOP_CLIPS_PER_UNIT)])
        ),
    )


def _predicted(rng: np.random.Generator, label: int, classes: int) -> int:
    """Return the class predicted for a clip: its label for two of three, else mostly one of the next few classes."""
    wrong = label + rng.integers(1, 4) if rng.random() < 0.7 else rng.integers(classes)
    return label if rng.random() < 0.67 else int(wrong % classes)


def _streams(rng: np.random.Generator, card: NetworkCard) -> StreamFacts:
    pairs = list(combinations(range(len(card.classes)), 2))
    chosen = [pairs[at] for at in rng.choice(len(pairs), min(MAX_PAIRS, len(pairs)), replace=False)]
    areas = rng.uniform(0.4, 1.0, (len(chosen), 3)).tolist()
    shares = rng.random((len(card.classes), 4)).tolist()
    return StreamFacts(
        clips=1000,
        fused=0.8,
        appearance=0.6,
        motion=0.5,
        late_fusion=0.7,
        pairs=tuple(
            StreamPair(classes=pair, fused=area[0], appearance=area[1], motion=area[2])
            for pair, area in zip(chosen, areas, strict=True)
        ),
        biases=tuple(
            AppearanceBias(
                class_index=index,
                missed_recall=share[0],
                recognised_recall=share[1],
                background_rate=share[2],
                baseline_rate=share[3],
            )
            for index, share in enumerate(shares)
        ),
    )


def add_explanations(catalogue: CatalogueFiller, first: int, number: int) -> None:
    """Add finished explain jobs, with ids from `first` on, and their explanations."""
    sink, cards = catalogue.sink, catalogue.cards
    ids = range(first, first + number)
    moment = sink.format_time(FIRST_DAY + timedelta(days=90))
    card_of = {id: (id % len(cards), cards[id % len(cards)]) for id in ids}
    columns = (
        "id",
        "kind",
        "state",
        "network_id",
        "key",
        "batch_key",
        "priority",
        "parameters",
        "created_at",
        "started_at",
        "finished_at",
        "updated_at",
    )
    sink.put(
        JobRow,
        columns,
        (
            (
                *(id, JobKind.EXPLAIN, JobState.DONE, at + 1, f"explain:{id}", f"explain:{id}", 100),
                *(json.dumps({"name": f"clip {id}.mp4", "expected": card.classes[1]}), *[moment] * 4),
            )
            for id, (at, card) in card_of.items()
        ),
    )
    sink.put(
        ExplanationRow,
        ("job_id", "body"),
        (
            (id, json.dumps(_explanation(catalogue.rng, card).model_dump(mode="json")))
            for id, (_, card) in card_of.items()
        ),
    )
    sink.put(
        ExplanationMediaRow,
        ("job_id", *MEDIA_COLUMNS),
        ((id, *catalogue.media[role][id % MEDIA_PER_ROLE]) for id in ids for role in CLIP_ROLES),
    )


def _explanation(rng: np.random.Generator, card: NetworkCard) -> Explanation:
    labels = card.classes[:5]

    def shares(label: str, against: str | None = None) -> ClassShares:
        layers = [layer for layer in card.layers[-4:] if layer.name != CLASS_LAYER]
        return ClassShares(label=label, against=against, logit=3.0, layers=tuple(_shares(rng, each) for each in layers))

    return Explanation(
        network=card.slug,
        predictions=tuple(
            Prediction(label=label, logit=3.0 - at, probability=0.5**at) for at, label in enumerate(labels, 1)
        ),
        predicted=shares(labels[0]),
        expected=shares(labels[1]),
        contrasts=tuple(shares(labels[0], label) for label in labels[1:]),
    )


def _shares(rng: np.random.Generator, layer: Layer) -> LayerShares:
    chosen = rng.choice(layer.units, min(8, layer.units), replace=False).tolist()
    return LayerShares(
        layer=layer.name,
        units=tuple(
            Contribution(
                layer=layer.name,
                unit=unit,
                activation=2.0,
                share=1.0 / (at + 1),
                effect=0.5,
                x=0.4,
                y=0.6,
                time=0.5,
                trace=(0.1, 0.5, 0.3, 0.2),
            )
            for at, unit in enumerate(chosen)
        ),
        others=0.2,
        rest=0.1,
    )
