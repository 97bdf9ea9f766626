"""Writes surveys: queues and begins them, adds evidence unit by unit, then finishes or abandons them.

No page shows a survey before it is finished.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from app.contract.errors import Conflict, Missing
from app.contract.evidence import TOP_CLASSES_PER_UNIT, TopClip, UnitEvidence
from app.contract.job import JobKind, JobState, Priority, SurveyJob, jobs_of_kind
from app.contract.network import NetworkCard
from app.contract.survey import NewClipPrediction, SurveyFacts
from app.contract.survey_part import SurveyPart
from app.contract.unit import UnitRole
from app.store.catalog.networks import card_of, network_id, network_row
from app.store.catalog.survey_columns import denormalize_survey
from app.store.database.chunks import chunks
from app.store.database.clock import now
from app.store.database.packing import pack, pack_counts
from app.store.database.session import Session
from app.store.database.survey_tables import (
    BottomClipRow,
    ClassAttributionRow,
    FeatureStatisticsRow,
    PredictionRow,
    SurveyRow,
    TopClipRow,
    UnitClassRow,
    UnitEvidenceByClassRow,
    UnitEvidenceRow,
    UnitNeedRow,
)
from app.store.database.tables import JobRow, NetworkRow, UnitRow
from app.store.datasets import clip_ids, dataset_row
from app.store.jobs.listing import get_job
from app.store.jobs.newest_survey import follow_newest_survey
from app.store.jobs.requesters import COMMAND, Requester
from app.store.jobs.requests import MAX_QUEUED_JOBS, enqueue_single
from app.store.jobs.rows import LIVE_STATES, change_values, read_jobs, select_jobs
from app.store.surveys.findings import store_statistics
from app.store.surveys.parts import need_rows, part_columns, save_part_facts

ROWS_PER_INSERT = 200  # units or predictions
NO_CLASS, NO_ROLE, NO_ACCURACY = -1, "", -1.0  # in columns that are never null, of networks without classes


def enqueue_survey(
    session: Session,
    *,
    network: str,
    dataset: str,
    parts: Sequence[SurveyPart] | None = None,
    limit: int = MAX_QUEUED_JOBS,
    priority: int = Priority.SWEEP,
    requester: Requester = COMMAND,
) -> SurveyJob:
    """Queue a survey and return the new job, or the live one for the same network and data set.

    With `parts` only these are measured, and added to the survey that is there; without, all in a new survey. Parts
    are added to a queued job. A survey takes long, so it has the priority of a sweep, and clicks go before it.

    Raises Conflict where the live job is running already without these parts.
    """
    network_row_id, dataset_id = network_row(session, network).id, dataset_row(session, dataset).id
    job = enqueue_single(
        session,
        kind=JobKind.SURVEY,
        key=str(dataset_id),
        network_id=network_row_id,
        dataset_id=dataset_id,
        priority=priority,
        limit=limit,
        requester=requester,
        parameters=None if parts is None else {"parts": _in_order(parts)},
    )
    assert isinstance(job, SurveyJob)
    wanted = set(SurveyPart) if parts is None else set(parts)
    if job.parts is None or wanted <= set(job.parts):
        return job
    if job.state is JobState.RUNNING:
        raise Conflict(
            f"A survey of {network} with {dataset} is running, of the parts {', '.join(job.parts)}. Ask again for the "
            "others when it has finished."
        )
    merged = None if parts is None else {"parts": _in_order({*parts, *job.parts})}
    session.execute(update(JobRow).where(JobRow.id == job.id).values(parameters=merged, **change_values(now(session))))
    session.expire_all()
    [job] = jobs_of_kind(SurveyJob, [get_job(session, job_id=job.id)])
    return job


def _in_order(parts: Iterable[SurveyPart]) -> list[str]:
    wanted = set(parts)
    return [part.value for part in SurveyPart if part in wanted]


def list_live_surveys(session: Session, *, card: NetworkCard) -> list[SurveyJob]:
    """Return the jobs of a network's surveys that are queued or running."""
    live = select_jobs().where(
        JobRow.network_id == network_id(session, card), JobRow.kind == JobKind.SURVEY, JobRow.state.in_(LIVE_STATES)
    )
    return jobs_of_kind(SurveyJob, read_jobs(session, live.order_by(JobRow.id)))


def begin_survey(session: Session, *, network: str, dataset: str) -> int:
    """Begin a survey and return its id. An unfinished one of the same network and data set is deleted."""
    network_row_id, dataset_id = network_row(session, network).id, dataset_row(session, dataset).id
    same = (SurveyRow.network_id == network_row_id, SurveyRow.dataset_id == dataset_id)
    session.execute(delete(SurveyRow).where(*same, SurveyRow.finished_at.is_(None)))
    row = SurveyRow(network_id=network_row_id, dataset_id=dataset_id, started_at=now(session))
    session.add(row)
    session.flush()
    return row.id


def save_unit_evidence(session: Session, *, survey_id: int, units: Iterable[UnitEvidence]) -> int:
    """Add the evidence of these units to an unfinished survey and return their number."""
    survey = _unfinished(session, survey_id)
    ids = _UnitIds(session, survey.network_id)
    saved = 0
    for chunk in chunks(units, ROWS_PER_INSERT):
        names = {each.clip for evidence in chunk for each in (*evidence.top_clips, *evidence.bottom_clips)}
        clips = clip_ids(session, dataset_id=survey.dataset_id, names=names)
        keyed = [({"survey_id": survey_id, "unit_id": ids.find(unit.layer, unit.unit)}, unit) for unit in chunk]
        session.execute(insert(UnitEvidenceRow), [key | _measure_columns(unit, ids) for key, unit in keyed])
        session.execute(insert(UnitEvidenceByClassRow), [key | _packed_lists(unit) for key, unit in keyed])
        for table, rows in (
            (UnitClassRow, [key | row for key, unit in keyed for row in _best_classes(unit, ids)]),
            (TopClipRow, [key | row for key, unit in keyed for row in _clip_rows(unit.top_clips, clips)]),
            (BottomClipRow, [key | row for key, unit in keyed for row in _clip_rows(unit.bottom_clips, clips)]),
            (UnitNeedRow, [key | row for key, unit in keyed for row in need_rows(unit)]),
            (
                ClassAttributionRow,
                [
                    key | {"rank": rank} | attribution.model_dump()
                    for key, unit in keyed
                    for rank, attribution in enumerate(unit.class_attributions)
                ],
            ),
        ):
            if rows:
                session.execute(insert(table), rows)
        saved += len(chunk)
    return saved


def save_predictions(session: Session, *, survey_id: int, predictions: Iterable[NewClipPrediction]) -> int:
    """Add what the network predicts for these clips to an unfinished survey and return their number."""
    survey = _unfinished(session, survey_id)
    saved = 0
    for chunk in chunks(predictions, ROWS_PER_INSERT):
        ids = clip_ids(session, dataset_id=survey.dataset_id, names={prediction.clip for prediction in chunk})
        rows = [
            {
                "survey_id": survey_id,
                "clip_id": ids[prediction.clip],
                "label": prediction.label,
                "predicted": prediction.predicted,
                "probability": prediction.probability,
                "label_probability": prediction.label_probability,
            }
            for prediction in chunk
        ]
        session.execute(insert(PredictionRow), rows)
        saved += len(chunk)
    return saved


def save_map_positions(
    session: Session, *, survey_id: int, positions: Mapping[tuple[str, int], tuple[float, float]]
) -> None:
    """Add the positions of units, by layer and number, on the map of their network; units without one are not on it."""
    ids = _UnitIds(session, _unfinished(session, survey_id).network_id)
    rows = [
        {"survey_id": survey_id, "unit_id": ids.find(*name), "map_x": x, "map_y": y}
        for name, (x, y) in positions.items()
    ]
    if rows:
        session.execute(update(UnitEvidenceRow), rows)


def finish_survey(
    session: Session,
    *,
    survey_id: int,
    facts: SurveyFacts,
    feature_statistics: bytes | None = None,
    finished_at: datetime | None = None,
    units: int | None = None,
) -> None:
    """Finish a survey: pages show it from now on, and the former one with the same data set is deleted.

    Queued visualizations of its network are made with what it measured (see `jobs.newest_survey`).

    `feature_statistics` are the means and variances of features in a safetensors file, whose digest recipes name.
    `finished_at` is the time that it was finished, where that is not now; `units` is the number of units that it
    measured, where these are not all that the network has here.

    Raises Conflict where evidence of a unit or the prediction for a clip is missing.
    """
    survey = _unfinished(session, survey_id)
    card = card_of(session.get_one(NetworkRow, survey.network_id))
    predictions = facts.clips if card.classes else 0
    for table, noun, expected in (
        (UnitEvidenceRow, "units", units or card.units),
        (PredictionRow, "clips", predictions),
    ):
        saved = session.scalar(select(func.count()).select_from(table).where(table.survey_id == survey_id))
        if saved != expected:
            raise Conflict(f"Survey {survey_id} has evidence of {saved:,} of {expected:,} {noun}: it is not whole.")
    same = (SurveyRow.network_id == survey.network_id, SurveyRow.dataset_id == survey.dataset_id)
    session.execute(delete(SurveyRow).where(*same, SurveyRow.id != survey_id))
    survey.clips = facts.clips
    survey.accuracy = NO_ACCURACY if facts.accuracy is None else facts.accuracy
    survey.seconds = facts.seconds
    survey.skipped = list(facts.skipped)
    survey.recall = pack(facts.recall)
    survey.confusion = pack_counts([count for row in facts.confusion for count in row])
    survey.streams = None if facts.streams is None else facts.streams.model_dump(mode="json")
    survey.masked = [masked_class.model_dump(mode="json") for masked_class in facts.masked]
    if facts.selectivity is not None:
        survey.selectivity = [layer.model_dump(mode="json") for layer in facts.selectivity]
    survey.groups_known = facts.groups_known
    save_part_facts(session, survey_id=survey_id, facts=facts)
    survey.finished_at = finished_at or now(session)
    if feature_statistics is not None:
        digest = hashlib.sha256(feature_statistics).hexdigest()
        session.add(FeatureStatisticsRow(survey_id=survey_id, sha256=digest, data=feature_statistics))
    session.flush()
    denormalize_survey(session, network_id=survey.network_id)
    card = card_of(session.get_one(NetworkRow, survey.network_id))
    store_statistics(session, card=card)
    follow_newest_survey(session, card=card)  # last, as it locks every job of the network that waits


def abandon_survey(session: Session, *, survey_id: int) -> None:
    """Delete an unfinished survey with everything that was saved for it."""
    session.execute(delete(SurveyRow).where(SurveyRow.id == survey_id, SurveyRow.finished_at.is_(None)))


def _unfinished(session: Session, survey_id: int) -> SurveyRow:
    row = session.scalar(select(SurveyRow).where(SurveyRow.id == survey_id, SurveyRow.finished_at.is_(None)))
    if row is None:
        raise Missing(f"There is no unfinished survey {survey_id}: it is finished, or another one took its place.")
    return row


class _UnitIds:
    """Looks up ids of a network's units; those of a layer are read when the first of them is looked up."""

    def __init__(self, session: Session, network_id: int) -> None:
        self._session = session
        self._network_id = network_id
        self._card = card_of(session.get_one(NetworkRow, network_id))
        self._ids: dict[str, dict[int, int]] = {}

    def layer_index(self, name: str) -> int:
        return self._card.layer(name).index

    def find(self, layer: str, unit: int) -> int:
        """Return the id of a unit. Raises UnknownLayer and UnknownUnit."""
        self._card.unit(layer, unit)
        if layer not in self._ids:
            rows = self._session.execute(
                select(UnitRow.index, UnitRow.id).where(
                    UnitRow.network_id == self._network_id, UnitRow.layer_index == self.layer_index(layer)
                )
            )
            self._ids[layer] = dict(rows.all())
        return self._ids[layer][unit]


def _measure_columns(evidence: UnitEvidence, ids: _UnitIds) -> dict[str, Any]:
    best = max(range(len(evidence.precision)), key=evidence.precision.__getitem__, default=NO_CLASS)
    fusion, speed, direction = evidence.synergy, evidence.speed, evidence.direction
    return {
        "layer_index": ids.layer_index(evidence.layer),
        "a_hat": evidence.a_hat,
        "a_low": evidence.a_low,
        "mean": evidence.mean,
        "firing_rate": evidence.firing_rate,
        "effective_classes": evidence.effective_classes or 0.0,
        "role": NO_ROLE if evidence.role is None else evidence.role.value,
        "best_class": best,
        "best_precision": evidence.precision[best] if evidence.precision else 0.0,
        "synergy_stimulus": fusion and fusion.stimulus,
        "synergy_clips": fusion and fusion.clips,
        "swap": fusion and fusion.swap,
        "speed_octaves": speed and speed.octaves,
        "direction_selectivity": direction and direction.selectivity,
        "curves": {
            "speed": speed and speed.model_dump(mode="json"),
            "direction": direction and direction.model_dump(mode="json"),
            "alike": evidence.correlated_units,
        },
        **part_columns(evidence),
    }


def _packed_lists(evidence: UnitEvidence) -> dict[str, Any]:
    return {
        "responses": pack(evidence.responses),
        "maxima": pack(evidence.maxima),
        "precision": pack(evidence.precision),
    }


def _best_classes(evidence: UnitEvidence, ids: _UnitIds) -> list[dict[str, Any]]:
    """Return rows for the classes that a unit detects best; none for a dead unit, which detects nothing."""
    if evidence.role is UnitRole.DEAD:
        return []
    order = sorted(range(len(evidence.precision)), key=lambda index: -evidence.precision[index])
    return [
        {
            "rank": rank,
            "class_index": index,
            "precision": evidence.precision[index],
            "response": evidence.responses[index],
            "layer_index": ids.layer_index(evidence.layer),
            "is_generic": evidence.role is UnitRole.GENERIC,
        }
        for rank, index in enumerate(order[:TOP_CLASSES_PER_UNIT])
    ]


def _clip_rows(extreme_clips: Iterable[TopClip], clip_ids: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return rows for clips that move a unit far, in their order; `clip_ids` are by name."""
    return [
        {
            "rank": rank,
            "clip_id": clip_ids[each.clip],
            "activation": each.activation,
            "x": each.x,
            "y": each.y,
            "time": each.time,
            "trace": pack(each.trace),
        }
        for rank, each in enumerate(extreme_clips)
    ]
