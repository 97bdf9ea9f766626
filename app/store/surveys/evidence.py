"""What surveys found: of a network as a whole, and of every unit. Only whole surveys are seen."""

from collections.abc import Iterable
from typing import Any, Literal

from sqlalchemy import Row, Select, and_, bindparam, func, select
from sqlalchemy.orm import joinedload, undefer

from app.contract.evidence import (
    ClassAttribution,
    DirectionTuning,
    MaskedClass,
    SpeedTuning,
    StreamFacts,
    Survey,
    SurveySummary,
    Synergy,
    TopClip,
    UnitEvidence,
    UnitOfClass,
    UnitOfClip,
)
from app.contract.network import NetworkCard
from app.contract.unit import UnitRole
from app.store.catalog.networks import UNITS, card_of, network_row, unit_row, unit_summary
from app.store.catalog.summaries import unit_summaries
from app.store.catalog.survey_columns import newest_key, newest_survey
from app.store.database.cache import LruCache
from app.store.database.packing import unpack, unpack_counts
from app.store.database.session import Session, SurveyKey
from app.store.database.survey_tables import (
    ClipRow,
    DatasetRow,
    EvidenceByClassRow,
    EvidenceRow,
    FeedRow,
    SurveyRow,
    TopClipRow,
    UnitClassRow,
)
from app.store.database.tables import NetworkRow, UnitRow
from app.store.datasets import dataset_row

Measure = Literal[  # columns of EvidenceRow
    "a_hat",
    "mean",
    "firing_rate",
    "effective_classes",
    "best_precision",
    "synergy_stimulus",
    "synergy_clips",
    "swap",
    "speed_octaves",
    "direction_selectivity",
]

# Of a unit, each a statement of its own: together the long lists would come once for every clip.
FOUND: Select[*tuple[Any, ...]] = (
    select(
        EvidenceRow.a_hat,
        EvidenceRow.mean,
        EvidenceRow.firing_rate,
        EvidenceRow.effective_classes,
        EvidenceRow.role,
        EvidenceRow.synergy_stimulus,
        EvidenceRow.synergy_clips,
        EvidenceRow.swap,
        EvidenceRow.curves,
        EvidenceByClassRow.responses,
        EvidenceByClassRow.maxima,
        EvidenceByClassRow.precision,
    )
    .join(
        EvidenceByClassRow,
        and_(EvidenceByClassRow.survey_id == EvidenceRow.survey_id, EvidenceByClassRow.unit_id == EvidenceRow.unit_id),
    )
    .where(EvidenceRow.survey_id == bindparam("survey"), EvidenceRow.unit_id == bindparam("unit"))
)
TOP_CLIPS: Select[*tuple[Any, ...]] = (
    select(ClipRow.name, TopClipRow.activation, TopClipRow.x, TopClipRow.y, TopClipRow.time, TopClipRow.trace)
    .join(TopClipRow, TopClipRow.clip_id == ClipRow.id)
    .where(TopClipRow.survey_id == bindparam("survey"), TopClipRow.unit_id == bindparam("unit"))
    .order_by(TopClipRow.rank)
)
FEEDS: Select[*tuple[Any, ...]] = (
    select(FeedRow.class_index, FeedRow.weight, FeedRow.share, FeedRow.effect)
    .where(FeedRow.survey_id == bindparam("survey"), FeedRow.unit_id == bindparam("unit"))
    .order_by(FeedRow.rank)
)

# A published survey never changes; parsing one of 400 classes takes milliseconds.
_surveys: LruCache[SurveyKey, Survey] = LruCache(max_size=30)


def list_surveys(session: Session, *, network: str | None = None, dataset: str | None = None) -> list[SurveySummary]:
    """Whole surveys, newest first."""
    query = _visible()
    if network is not None:
        query = query.where(SurveyRow.network_id == network_row(session, network).id)
    if dataset is not None:
        query = query.where(SurveyRow.dataset_id == dataset_row(session, dataset).id)
    return [_summary(row) for row in session.scalars(query)]


def get_survey(session: Session, *, network: str, dataset: str | None = None) -> Survey | None:
    """The newest survey of a network, or that with a data set; None before one. Read and parsed once in a process:
    one of 400 classes takes milliseconds, and never changes.
    """
    row = network_row(session, network)
    if dataset is None:
        key = newest_key(session, network_id=row.id)
    else:
        listed = list_surveys(session, network=network, dataset=dataset)
        key = SurveyKey(listed[0].id, listed[0].created_at) if listed else None
    return None if key is None else _surveys.get_or_compute(key, lambda: _read(session, key))


def get_evidence(session: Session, *, network: str, layer: str, unit: int) -> UnitEvidence | None:
    """What the network's newest survey found of a unit; None before one."""
    found = unit_row(session, slug=network, layer=layer, unit=unit)
    survey = newest_survey(session, network_id=found.network_id)
    if survey is None:
        return None
    asked = {"survey": survey, "unit": found.id}
    row = session.read(FOUND, asked).one_or_none()
    if row is None:
        return None
    tops = session.read(TOP_CLIPS, asked)
    feeds = session.read(FEEDS, asked)
    return _evidence(layer, unit, row, _top_clips(tops), tuple(ClassAttribution(**each._mapping) for each in feeds))


def units_of_class(
    session: Session, *, network: str, class_index: int, layer: str | None = None, limit: int = 12
) -> list[UnitOfClass]:
    """The units that detect a class best, of those for which it is among their best."""
    card, row = _card(session, network)
    query = (
        UNITS.add_columns(UnitClassRow.precision, UnitClassRow.response)
        .join(UnitClassRow, UnitClassRow.unit_id == UnitRow.id)
        .where(
            UnitClassRow.survey_id == newest_survey(session, network_id=row.id),
            UnitClassRow.class_index == class_index,
        )
        .order_by(UnitClassRow.precision.desc(), UnitRow.id)
        .limit(limit)
    )
    if layer is not None:
        query = query.where(UnitRow.layer_index == card.layer(layer).index)
    rows = session.read(query).all()
    return [
        UnitOfClass(unit=unit, precision=found.precision, response=found.response)
        for unit, found in zip(unit_summaries(session, network, rows), rows, strict=True)
    ]


def units_of_clip(session: Session, *, clip_id: int, limit: int = 24) -> list[UnitOfClip]:
    """Units, of any network, that few clips of its set excite more than this one."""
    rows = session.read(
        UNITS.add_columns(NetworkRow.slug, TopClipRow.rank, TopClipRow.activation.label("excited"))
        .join(TopClipRow, TopClipRow.unit_id == UnitRow.id)
        .join(NetworkRow, NetworkRow.id == UnitRow.network_id)
        .join(SurveyRow, SurveyRow.id == TopClipRow.survey_id)
        .where(TopClipRow.clip_id == clip_id, SurveyRow.finished_at.is_not(None))
        .order_by(TopClipRow.rank, UnitRow.layer_index.desc(), UnitRow.id)
        .limit(limit),
    )
    return [UnitOfClip(unit=unit_summary(row.slug, row), rank=row.rank, activation=row.excited) for row in rows]


def role_counts(session: Session, *, network: str) -> dict[str, dict[UnitRole, int]]:
    """Units of each role, by layer; empty before a survey."""
    card, row = _card(session, network)
    groups = session.read(
        select(UnitRow.layer_index, UnitRow.role, func.count())
        .where(UnitRow.network_id == row.id)
        .group_by(UnitRow.layer_index, UnitRow.role)
        .order_by(UnitRow.layer_index),
    )
    counts: dict[str, dict[UnitRole, int]] = {}
    for index, role, count in groups:
        if role is not None:
            counts.setdefault(card.layers[index].name, dict.fromkeys(UnitRole, 0))[UnitRole(role)] = count
    return counts


def distribution(session: Session, *, network: str, column: Measure) -> dict[str, tuple[float, ...]]:
    """A measure of all live units that have it, by layer, each sorted; empty before a survey. Dead units answer to
    nothing, so that what stands for them says nothing.
    """
    card, row = _card(session, network)
    measure = getattr(EvidenceRow, column)
    rows = session.read(
        select(EvidenceRow.layer_index, measure)
        .where(EvidenceRow.survey_id == newest_survey(session, network_id=row.id))
        .where(EvidenceRow.a_hat > 0, measure.is_not(None))
        .order_by(EvidenceRow.layer_index, measure),
    )
    values: dict[str, list[float]] = {}
    for index, value in rows:
        values.setdefault(card.layers[index].name, []).append(value)
    return {name: tuple(found) for name, found in values.items()}


def _card(session: Session, network: str) -> tuple[NetworkCard, NetworkRow]:
    row = network_row(session, network)
    return card_of(row), row


def _visible() -> Select[SurveyRow]:
    return (
        select(SurveyRow)
        .where(SurveyRow.finished_at.is_not(None))
        .options(
            joinedload(SurveyRow.network).load_only(NetworkRow.slug),
            joinedload(SurveyRow.dataset).load_only(DatasetRow.slug),
        )
        .order_by(SurveyRow.finished_at.desc(), SurveyRow.id.desc())
    )


def _read(session: Session, key: SurveyKey) -> Survey:
    whole = (SurveyRow.recall, SurveyRow.confusion, SurveyRow.streams, SurveyRow.masked)
    return _survey(session.scalars(_visible().where(SurveyRow.id == key.id).options(*map(undefer, whole))).one())


def _summary(row: SurveyRow) -> SurveySummary:
    return SurveySummary(**_listed(row), skipped=len(row.skipped or ()))


def _listed(row: SurveyRow) -> dict[str, Any]:
    """What a survey and its summary both say."""
    return {
        "id": row.id,
        "network": row.network.slug,
        "dataset": row.dataset.slug,
        "clips": row.clips,
        "accuracy": row.accuracy,
        "seconds": row.seconds,
        "created_at": row.finished_at or row.started_at,
    }


def _survey(row: SurveyRow) -> Survey:
    recall = unpack(row.recall or b"")
    confusion = unpack_counts(row.confusion or b"")
    classes = len(recall)
    # Checked when it was saved; checking the counts of 400 x 400 classes again would take milliseconds.
    return Survey.model_construct(
        **_listed(row),
        skipped=tuple(row.skipped or ()),
        recall=recall,
        confusion=tuple(confusion[start : start + classes] for start in range(0, len(confusion), classes or 1)),
        streams=StreamFacts.model_validate(row.streams) if row.streams else None,
        masked=tuple(map(MaskedClass.model_validate, row.masked or ())),
    )


def _evidence(
    layer: str, unit: int, row: Row[*tuple[Any, ...]], tops: tuple[TopClip, ...], feeds: tuple[ClassAttribution, ...]
) -> UnitEvidence:
    speed, direction, alike = (row.curves[name] for name in ("speed", "direction", "alike"))
    fusion = (row.synergy_stimulus, row.synergy_clips, row.swap)
    return UnitEvidence(
        layer=layer,
        unit=unit,
        a_hat=row.a_hat,
        mean=row.mean,
        firing_rate=row.firing_rate,
        effective_classes=row.effective_classes,
        role=UnitRole(row.role),
        responses=unpack(row.responses),
        maxima=unpack(row.maxima),
        precision=unpack(row.precision),
        top_clips=tops,
        synergy=None if fusion == (None, None, None) else Synergy(stimulus=fusion[0], clips=fusion[1], swap=fusion[2]),
        speed=speed and SpeedTuning.model_validate(speed),
        direction=direction and DirectionTuning.model_validate(direction),
        feeds=feeds,
        alike=tuple((index, correlation) for index, correlation in alike),
    )


def _top_clips(rows: Iterable[Row[*tuple[Any, ...]]]) -> tuple[TopClip, ...]:
    return tuple(
        TopClip(clip=name, activation=activation, x=x, y=y, time=time, trace=unpack(trace))
        for name, activation, x, y, time, trace in rows
    )
