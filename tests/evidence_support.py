"""A small data set and a survey of a tiny network, which many tests share."""

from collections.abc import Callable, Iterator
from typing import Any

from app.contract.dataset import NewClip
from app.contract.evidence import ClassAttribution, DirectionTuning, SpeedTuning, Synergy, TopClip, UnitEvidence
from app.contract.interval import Interval
from app.contract.necessity import DetectorNeed, LayerNecessity, Necessity, NeedCounts, NeededUnit, NeedTest
from app.contract.network import NetworkCard
from app.contract.result import MediaRole, RenderedMedia
from app.contract.survey import NewClipPrediction, SurveyFacts
from app.contract.unit import UnitRole
from app.store import datasets
from app.store.catalog import networks
from app.store.database.engine import Store
from app.store.surveys import writing

LABELS = ("walk", "run", "wave_slow")

NO_CLASSES: dict[str, object] = {"effective_classes": None, "role": None, "feeds": ()}

Change = Callable[[str, int], dict[str, object]]  # of a layer's unit: fields of its evidence


def clip_media(name: str) -> tuple[RenderedMedia, ...]:
    return (
        RenderedMedia(
            role=MediaRole.VIDEO, type="video/mp4", data=f"video {name} ".encode() * 20, width=240, height=240
        ),
        RenderedMedia(role=MediaRole.POSTER, type="image/webp", data=f"poster {name}".encode(), width=240, height=240),
        RenderedMedia(role=MediaRole.FLOW, type="image/webp", data=f"flow {name}".encode(), width=120, height=120),
        RenderedMedia(
            role=MediaRole.FLOW_DIRECTION, type="image/webp", data=f"hue {name}".encode(), width=120, height=120
        ),
        RenderedMedia(role=MediaRole.FLOW_XY, type="image/webp", data=f"xy {name}".encode(), width=120, height=120),
    )


def new_clips(labels: tuple[str, ...] = LABELS, each: int = 3, *, has_flow: bool = True) -> Iterator[NewClip]:
    for number in range(each):
        for label in labels:
            name = f"{label}-{number}"
            yield NewClip(name=name, label=label, media=clip_media(name)[: 5 if has_flow else 2])


def add_dataset(store: Store, slug: str = "little", **options: Any) -> None:
    with store.transaction() as session:
        datasets.add_dataset(session, slug=slug, title=f"The {slug} set", summary="Nine clips.")
        datasets.add_clips(session, slug=slug, clips=new_clips(**options))


def unit_evidence(layer: str, unit: int, classes: int, **changes: object) -> UnitEvidence:
    best = unit % classes if classes else 0
    fields: dict[str, object] = {
        "layer": layer,
        "unit": unit,
        "a_hat": 2.0 + unit,
        "mean": 1.0,
        "firing_rate": 0.5,
        "effective_classes": 1.0 + unit / 10,
        "role": UnitRole.SPECIFIC,
        "responses": tuple(0.5 if index == best else 0.125 for index in range(classes)),
        "maxima": tuple(float(index) for index in range(classes)),
        "precision": tuple(0.75 + unit / 64 if index == best else 0.25 for index in range(classes)),
        "top_clips": (
            TopClip(clip="walk-0", activation=2.0, x=0.25, y=0.5, time=0.5, trace=(0.0, 2.0, 1.0)),
            TopClip(clip="run-1", activation=1.5, x=0.5, y=0.5, time=0.5, trace=(1.5,)),
        ),
        "synergy": Synergy(stimulus=0.5, clips=0.25, swap=None),
        "speed": SpeedTuning(factors=(0.5, 1.0, 2.0), responses=(0.5, 1.0, 0.75), octaves=1.5),
        "direction": DirectionTuning(degrees=(0.0, 180.0), responses=(1.0, 0.5), selectivity=0.33),
        "feeds": (
            ClassAttribution(class_index=best, weight=0.5, share=1.0, effect=1.25),
            ClassAttribution(class_index=(best + 1) % (classes or 1), weight=-0.25, share=-0.5, effect=-0.5),
        ),
        "alike": ((1, 0.9),),
    }
    return UnitEvidence.model_validate(fields | changes)


def every_unit(card: NetworkCard, change: Change = lambda layer, unit: {}) -> Iterator[UnitEvidence]:
    for layer in card.layers:
        for unit in range(layer.units):
            without = {} if card.classes else NO_CLASSES
            yield unit_evidence(layer.name, unit, len(card.classes), **(without | change(layer.name, unit)))


def map_positions(card: NetworkCard) -> Iterator[tuple[tuple[str, int], tuple[float, float]]]:
    """Yield map positions: layers from left to right, units from top to bottom, none for the first unit of a layer."""
    for layer in card.layers:
        for unit in range(1, layer.units):
            yield (layer.name, unit), ((layer.index + 0.5) / len(card.layers), unit / layer.units)


def make_necessity(**changes: object) -> Necessity:
    """Return what silencing shows of a network whose classes need units, beside a control where they need none."""
    counts = NeedCounts(one=4, two=1, several=2, losing_recall=3)
    layer = LayerNecessity(layer="fc6", units=40, live=40, measured=20, counts=counts)
    none = Interval(value=0.0, low=0.0, high=0.0)

    def test(units: int) -> NeedTest:
        share = Interval(value=units / 20, low=units / 40, high=units / 15)
        return NeedTest(units=units, measured=20, share=share, null=none, p_value=0.005, control=none, difference=share)

    fields: dict[str, object] = {
        "clips": 200,
        "groups": 50,
        "classes": 5,
        "tested_classes": 5,
        "margin_deviation": 2.0,
        "layers": (layer,),
        "not_measured": ("fusion.conv2",),
        "one_class": test(4),
        "several_classes": test(2),
        "recall": test(3),
        "detectors": DetectorNeed(
            size=2,
            classes=5,
            recall=Interval(value=0.1, low=0.05, high=0.2),
            margin=Interval(value=0.5, low=0.3, high=0.7),
            p_value=0.03,
            null=Interval(value=0.0, low=-0.2, high=0.2),
            control=none,
        ),
        "strongest_one": (NeededUnit(layer="fc6", unit=3, classes=(1,), margin_change=-0.8, recall_change=-0.25),),
        "control_measured": 20,
    }
    return Necessity.model_validate(fields | changes)


def facts(classes: int, **changes: object) -> SurveyFacts:
    fields: dict[str, object] = {
        "clips": 9,
        "skipped": ("broken",),
        "accuracy": 0.75,
        "recall": (0.5,) * classes,
        "confusion": tuple(tuple(row * classes + column for column in range(classes)) for row in range(classes)),
        "seconds": 12.5,
    }
    return SurveyFacts.model_validate(fields | changes)


def new_predictions(predicted: int = 0) -> Iterator[NewClipPrediction]:
    """Yield predictions for the clips of `add_dataset`: all of one class, with rising probability."""
    for number, clip in enumerate(new_clips()):
        yield NewClipPrediction(
            clip=clip.name,
            label=LABELS.index(clip.label),
            predicted=predicted,
            probability=0.5 + number / 32,
            label_probability=0.125,
        )


def survey(
    store: Store,
    network: str = "tiny",
    dataset: str = "little",
    change: Change = lambda layer, unit: {},
    **found: object,
) -> int:
    """Write a finished survey and return its id; `found` are fields of its facts."""
    with store.session() as session:
        card = networks.get_card(session, slug=network)
    with store.transaction() as session:
        begun = writing.begin_survey(session, network=network, dataset=dataset)
    with store.transaction() as session:
        writing.save_unit_evidence(session, survey_id=begun, units=every_unit(card, change))
        if card.classes:
            writing.save_predictions(session, survey_id=begun, predictions=new_predictions())
        writing.save_map_positions(session, survey_id=begun, positions=dict(map_positions(card)))
    with store.transaction() as session:
        changes = found if card.classes else found | {"accuracy": None}
        writing.finish_survey(session, survey_id=begun, facts=facts(len(card.classes), **changes))
    return begun
