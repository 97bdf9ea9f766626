"""Reads finished surveys: the facts about a network as a whole, and the evidence of its units."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, Select, and_, func, select
from sqlalchemy.orm import joinedload, undefer

from app.contract.evidence import (
    ClassAttribution,
    DirectionTuning,
    SpeedTuning,
    Synergy,
    TopClip,
    UnitEvidence,
    UnitOfClip,
)
from app.contract.network import NetworkCard
from app.contract.result import ImportNote
from app.contract.survey import LayerSelectivity, MaskedClass, StreamFacts, Survey, SurveySummary
from app.contract.unit import UnitRole
from app.store.catalog.networks import network_id
from app.store.catalog.survey_columns import newest_survey_id, newest_survey_key
from app.store.catalog.units import Position, select_unit_records, unit_records, unit_summary
from app.store.database.cache import LruCache
from app.store.database.packing import unpack, unpack_counts
from app.store.database.session import Session, SurveyKey
from app.store.database.survey_tables import (
    BottomClipRow,
    ClassAttributionRow,
    ClipRow,
    DatasetRow,
    SurveyRow,
    TopClipRow,
    UnitEvidenceByClassRow,
    UnitEvidenceRow,
)
from app.store.database.tables import NetworkRow, UnitRow
from app.store.datasets import dataset_row
from app.store.results.imports import notes_of_surveys
from app.store.surveys.parts import read_details, read_part_facts

Measure = Literal[  # columns of UnitEvidenceRow
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
    "static_coding",
    "dynamic_coding",
    "interaction",
]

# A finished survey never changes; parsing one of 400 classes takes milliseconds.
_surveys: LruCache[SurveyKey, Survey] = LruCache(max_size=30)


def list_surveys(
    session: Session, *, card: NetworkCard | None = None, dataset: str | None = None
) -> list[SurveySummary]:
    """Return the finished surveys of all networks and data sets, or of these, newest first."""
    surveys = _finished_surveys()
    if card is not None:
        surveys = surveys.where(SurveyRow.network_id == network_id(session, card))
    if dataset is not None:
        surveys = surveys.where(SurveyRow.dataset_id == dataset_row(session, dataset).id)
    rows = session.scalars(surveys).all()
    notes = notes_of_surveys(session, survey_ids=[row.id for row in rows]) if rows else {}
    return [SurveySummary(**_common_fields(row, notes.get(row.id)), skipped=len(row.skipped or ())) for row in rows]


def get_survey(session: Session, *, card: NetworkCard, dataset: str | None = None) -> Survey | None:
    """Return the newest survey of a network, or that with a data set; None where there is none."""
    if dataset is None:
        key = newest_survey_key(session, card=card)
    else:
        surveys = list_surveys(session, card=card, dataset=dataset)
        key = SurveyKey(surveys[0].id, surveys[0].created_at) if surveys else None
    return None if key is None else _surveys.get_or_compute(key, lambda: _read_survey(session, key.id))


def get_evidence(session: Session, *, card: NetworkCard, layer: str, unit: int) -> UnitEvidence | None:
    """Return the evidence of a unit from the network's newest survey, None before the first survey.

    Raises UnknownLayer and UnknownUnit.
    """
    position = (card.unit(layer, unit)[0].index, unit)
    return evidence_of_units(session, card=card, positions=[position]).get(position)


def evidence_of_units(
    session: Session, *, card: NetworkCard, positions: Collection[Position], survey_id: int | None = None
) -> dict[Position, UnitEvidence]:
    """Return the evidence of at most some hundred units by layer index and unit index.

    It is that of the newest survey, or of the one given. Units without evidence are left out.
    """
    survey_id = survey_id or newest_survey_id(session, card=card)
    if survey_id is None:
        return {}
    records = unit_records(session, card=card, positions=positions)
    units = {record.id: position for position, record in records.items()}
    # Several statements: in one, the long lists of a unit would come once for every clip.
    measures = session.read(_select_measures(survey_id, units)).all()
    top_clips = _extreme_clips(session, TopClipRow, survey_id, units)
    with_two_signs = [row.unit_id for row in measures if row.a_low is not None]
    bottom_clips = _extreme_clips(session, BottomClipRow, survey_id, with_two_signs) if with_two_signs else {}
    attributions: dict[int, list[ClassAttribution]] = {id: [] for id in units}
    for id, class_index, weight, share, effect in session.read(_select_attributions(survey_id, units)):
        attribution = ClassAttribution(class_index=class_index, weight=weight, share=share, effect=effect)
        attributions[id].append(attribution)
    evidence: dict[Position, UnitEvidence] = {}
    for row in measures:
        id, position = row.unit_id, units[row.unit_id]
        layer = card.layer_at(position[0]).name
        evidence[position] = _evidence(
            layer,
            position[1],
            row,
            top_clips=tuple(top_clips.get(id, ())),
            bottom_clips=tuple(bottom_clips.get(id, ())),
            class_attributions=tuple(attributions[id]),
        )
    return evidence


def units_of_clip(session: Session, *, clip_id: int, limit: int) -> list[UnitOfClip]:
    """Return units of any network that have a clip among their strongest, first those for which it ranks highest."""
    records = session.read(
        select_unit_records(NetworkRow.slug, TopClipRow.rank, TopClipRow.activation.label("clip_activation"))
        .join(TopClipRow, TopClipRow.unit_id == UnitRow.id)
        .join(NetworkRow, NetworkRow.id == UnitRow.network_id)
        .join(SurveyRow, SurveyRow.id == TopClipRow.survey_id)
        .where(TopClipRow.clip_id == clip_id, SurveyRow.finished_at.is_not(None))
        .order_by(TopClipRow.rank, UnitRow.layer_index.desc(), UnitRow.id)
        .limit(limit)
    )
    return [
        UnitOfClip(unit=unit_summary(record.slug, record), rank=record.rank, activation=record.clip_activation)
        for record in records
    ]


def count_units_of_clip(session: Session, *, clip_id: int) -> int:
    """Return how many units `units_of_clip` returns without a limit."""
    units = (
        select(func.count())
        .select_from(TopClipRow)
        .join(SurveyRow, SurveyRow.id == TopClipRow.survey_id)
        .where(TopClipRow.clip_id == clip_id, SurveyRow.finished_at.is_not(None))
    )
    return session.read(units).scalar_one()


def measure_by_layer(session: Session, *, card: NetworkCard, measure: Measure) -> dict[str, tuple[float, ...]]:
    """Return the values of a measure by layer, each layer's sorted; nothing before the first survey.

    Dead units are left out: they respond to no clip, so that their measures mean nothing. So are dictionaries.
    """
    column = getattr(UnitEvidenceRow, measure)
    rows = session.read(
        select(UnitEvidenceRow.layer_index, column)
        .where(UnitEvidenceRow.survey_id == newest_survey_id(session, card=card))
        .where(UnitEvidenceRow.a_hat > 0, column.is_not(None), *of_own_layers(card))
        .order_by(UnitEvidenceRow.layer_index, column)
    )
    values: dict[str, list[float]] = {}
    for layer_index, value in rows:
        values.setdefault(card.layer_at(layer_index).name, []).append(value)
    return {name: tuple(of_layer) for name, of_layer in values.items()}


def of_own_layers(card: NetworkCard) -> list[ColumnElement[bool]]:
    """Return the condition that evidence is of the network's own layers; none where there are no dictionaries."""
    dictionaries = [layer.index for layer in card.layers if layer.dictionary is not None]
    return [UnitEvidenceRow.layer_index.not_in(dictionaries)] if dictionaries else []


def _finished_surveys() -> Select[SurveyRow]:
    return (
        select(SurveyRow)
        .where(SurveyRow.finished_at.is_not(None))
        .options(
            joinedload(SurveyRow.network).load_only(NetworkRow.slug),
            joinedload(SurveyRow.dataset).load_only(DatasetRow.slug),
        )
        .order_by(SurveyRow.finished_at.desc(), SurveyRow.id.desc())
    )


def _select_measures(survey_id: int, units: Iterable[int]) -> Select[*tuple[Any, ...]]:
    return (
        select(
            UnitEvidenceRow.unit_id,
            UnitEvidenceRow.a_hat,
            UnitEvidenceRow.a_low,
            UnitEvidenceRow.mean,
            UnitEvidenceRow.firing_rate,
            UnitEvidenceRow.effective_classes,
            UnitEvidenceRow.role,
            UnitEvidenceRow.synergy_stimulus,
            UnitEvidenceRow.synergy_clips,
            UnitEvidenceRow.swap,
            UnitEvidenceRow.curves,
            UnitEvidenceRow.details,
            UnitEvidenceByClassRow.responses,
            UnitEvidenceByClassRow.maxima,
            UnitEvidenceByClassRow.precision,
        )
        .join(
            UnitEvidenceByClassRow,
            and_(
                UnitEvidenceByClassRow.survey_id == UnitEvidenceRow.survey_id,
                UnitEvidenceByClassRow.unit_id == UnitEvidenceRow.unit_id,
            ),
        )
        .where(UnitEvidenceRow.survey_id == survey_id, UnitEvidenceRow.unit_id.in_(units))
    )


def _extreme_clips(
    session: Session, table: type[TopClipRow | BottomClipRow], survey_id: int, units: Iterable[int]
) -> dict[int, list[TopClip]]:
    """Return the clips that raise, or lower, units most by unit id, in their order."""
    rows = session.read(
        select(table.unit_id, ClipRow.name, table.activation, table.x, table.y, table.time, table.trace)
        .join(table, table.clip_id == ClipRow.id)
        .where(table.survey_id == survey_id, table.unit_id.in_(units))
        .order_by(table.unit_id, table.rank)
    )
    clips: dict[int, list[TopClip]] = {}
    for unit, name, activation, x, y, time, trace in rows:
        clip = TopClip(clip=name, activation=activation, x=x, y=y, time=time, trace=unpack(trace))
        clips.setdefault(unit, []).append(clip)
    return clips


def _select_attributions(survey_id: int, units: Iterable[int]) -> Select[*tuple[Any, ...]]:
    table = ClassAttributionRow
    return (
        select(table.unit_id, table.class_index, table.weight, table.share, table.effect)
        .where(table.survey_id == survey_id, table.unit_id.in_(units))
        .order_by(table.unit_id, table.rank)
    )


def _read_survey(session: Session, survey_id: int) -> Survey:
    deferred = (SurveyRow.recall, SurveyRow.confusion, SurveyRow.streams, SurveyRow.masked, SurveyRow.selectivity)
    survey = _finished_surveys().where(SurveyRow.id == survey_id).options(*map(undefer, deferred))
    note = notes_of_surveys(session, survey_ids=[survey_id]).get(survey_id)
    return _survey(session.scalars(survey).one(), read_part_facts(session, survey_id=survey_id), note)


def _common_fields(row: SurveyRow, note: ImportNote | None) -> dict[str, Any]:
    """Return the fields that a survey and its summary share."""
    return {
        "id": row.id,
        "network": row.network.slug,
        "dataset": row.dataset.slug,
        "clips": row.clips,
        "accuracy": row.accuracy if row.accuracy >= 0 else None,
        "seconds": row.seconds,
        "created_at": row.finished_at or row.started_at,
        "imported": note,
    }


def _survey(row: SurveyRow, part_facts: Mapping[str, Any], note: ImportNote | None) -> Survey:
    recall = unpack(row.recall or b"")
    confusion = unpack_counts(row.confusion or b"")
    classes = len(recall)
    # Not validated: the survey was when it was saved, and checking 400 x 400 counts again would take milliseconds.
    return Survey.model_construct(
        **_common_fields(row, note),
        skipped=tuple(row.skipped or ()),
        recall=recall,
        confusion=tuple(confusion[start : start + classes] for start in range(0, len(confusion), classes or 1)),
        streams=StreamFacts.model_validate(row.streams) if row.streams else None,
        masked=tuple(map(MaskedClass.model_validate, row.masked or ())),
        selectivity=None if row.selectivity is None else tuple(map(LayerSelectivity.model_validate, row.selectivity)),
        groups_known=row.groups_known,
        **part_facts,
    )


def _evidence(
    layer: str,
    unit: int,
    row: Row[*tuple[Any, ...]],
    *,
    top_clips: tuple[TopClip, ...],
    bottom_clips: tuple[TopClip, ...],
    class_attributions: tuple[ClassAttribution, ...],
) -> UnitEvidence:
    speed, direction, correlated = (row.curves[name] for name in ("speed", "direction", "alike"))
    synergy = (row.synergy_stimulus, row.synergy_clips, row.swap)
    return UnitEvidence(
        layer=layer,
        unit=unit,
        a_hat=row.a_hat,
        mean=row.mean,
        firing_rate=row.firing_rate,
        effective_classes=row.effective_classes if row.responses else None,
        role=UnitRole(row.role) if row.role else None,
        responses=unpack(row.responses),
        maxima=unpack(row.maxima),
        precision=unpack(row.precision),
        top_clips=top_clips,
        a_low=row.a_low,
        bottom_clips=bottom_clips,
        synergy=None
        if synergy == (None, None, None)
        else Synergy(stimulus=synergy[0], clips=synergy[1], swap=synergy[2]),
        speed=speed and SpeedTuning.model_validate(speed),
        direction=direction and DirectionTuning.model_validate(direction),
        class_attributions=class_attributions,
        correlated_units=tuple((index, correlation) for index, correlation in correlated),
        **read_details(row.details),
    )
