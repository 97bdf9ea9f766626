"""Surveys from the request to the end: queued, begun, filled unit by unit, then finished or abandoned.

No page shows a survey before it is finished.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from app.contract.errors import Conflict, Missing
from app.contract.evidence import TOP_CLASSES_PER_UNIT, TopClip, UnitEvidence
from app.contract.job import JobKind, Priority, SurveyJob, jobs_of_kind
from app.contract.network import NetworkCard
from app.contract.survey import NewClipPrediction, SurveyFacts
from app.contract.unit import UnitRole
from app.store.catalog.networks import card_of, network_id, network_row
from app.store.catalog.survey_columns import denormalize_survey
from app.store.database.chunks import chunks
from app.store.database.clock import now
from app.store.database.packing import pack, pack_counts
from app.store.database.session import Session
from app.store.database.survey_tables import (
    ClassAttributionRow,
    PredictionRow,
    SurveyRow,
    TopClipRow,
    UnitClassRow,
    UnitEvidenceByClassRow,
    UnitEvidenceRow,
)
from app.store.database.tables import JobRow, NetworkRow, UnitRow
from app.store.datasets import clip_ids, dataset_row
from app.store.jobs.requests import enqueue_single
from app.store.jobs.rows import LIVE_STATES, read_jobs, select_jobs
from app.store.surveys.findings import store_measured

ROWS_PER_INSERT = 200  # units or predictions


def enqueue_survey(
    session: Session, *, network: str, dataset: str, limit: int = 100_000, priority: int = Priority.SWEEP
) -> SurveyJob:
    """Queue a survey and return the new job, or the live one for the same network and data set.

    A survey takes long, so it has the priority of a sweep, and clicks go before it.
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
    )
    assert isinstance(job, SurveyJob)
    return job


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
        names = {top.clip for found in chunk for top in found.top_clips}
        clips = clip_ids(session, dataset_id=survey.dataset_id, names=names)
        keyed = [({"survey_id": survey_id, "unit_id": ids.find(found.layer, found.unit)}, found) for found in chunk]
        session.execute(insert(UnitEvidenceRow), [key | _measure_columns(found, ids) for key, found in keyed])
        session.execute(insert(UnitEvidenceByClassRow), [key | _packed_lists(found) for key, found in keyed])
        for table, rows in (
            (
                UnitClassRow,
                [key | row for key, found in keyed for row in _best_classes(found, ids)],
            ),
            (
                TopClipRow,
                [
                    key | {"rank": rank, "clip_id": clips[top.clip]} | _peak_columns(top)
                    for key, found in keyed
                    for rank, top in enumerate(found.top_clips)
                ],
            ),
            (
                ClassAttributionRow,
                [
                    key | {"rank": rank} | feed.model_dump()
                    for key, found in keyed
                    for rank, feed in enumerate(found.class_attributions)
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
    for some in chunks(predictions, ROWS_PER_INSERT):
        ids = clip_ids(session, dataset_id=survey.dataset_id, names={prediction.clip for prediction in some})
        rows = [
            {
                "survey_id": survey_id,
                "clip_id": ids[prediction.clip],
                "label": prediction.label,
                "predicted": prediction.predicted,
                "probability": prediction.probability,
                "label_probability": prediction.label_probability,
            }
            for prediction in some
        ]
        session.execute(insert(PredictionRow), rows)
        saved += len(some)
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


def finish_survey(session: Session, *, survey_id: int, facts: SurveyFacts) -> None:
    """Finish a survey: pages show it from now on, and the former one with the same data set is deleted.

    Raises Conflict where evidence of a unit or the prediction for a clip is missing.
    """
    survey = _unfinished(session, survey_id)
    card = card_of(session.get_one(NetworkRow, survey.network_id))
    for table, what, all_ in ((UnitEvidenceRow, "units", card.units), (PredictionRow, "clips", facts.clips)):
        saved = session.scalar(select(func.count()).select_from(table).where(table.survey_id == survey_id))
        if saved != all_:
            raise Conflict(f"Survey {survey_id} has evidence of {saved:,} of {all_:,} {what}: it is not whole.")
    same = (SurveyRow.network_id == survey.network_id, SurveyRow.dataset_id == survey.dataset_id)
    session.execute(delete(SurveyRow).where(*same, SurveyRow.id != survey_id))
    survey.clips = facts.clips
    survey.accuracy = facts.accuracy
    survey.seconds = facts.seconds
    survey.skipped = list(facts.skipped)
    survey.recall = pack(facts.recall)
    survey.confusion = pack_counts([count for row in facts.confusion for count in row])
    survey.streams = None if facts.streams is None else facts.streams.model_dump(mode="json")
    survey.masked = [each.model_dump(mode="json") for each in facts.masked]
    survey.finished_at = now(session)
    session.flush()
    denormalize_survey(session, network_id=survey.network_id)
    store_measured(session, card=card)


def abandon_survey(session: Session, *, survey_id: int) -> None:
    """Delete an unfinished survey with all that was saved of it."""
    session.execute(delete(SurveyRow).where(SurveyRow.id == survey_id, SurveyRow.finished_at.is_(None)))


def _unfinished(session: Session, survey_id: int) -> SurveyRow:
    row = session.scalar(select(SurveyRow).where(SurveyRow.id == survey_id, SurveyRow.finished_at.is_(None)))
    if row is None:
        raise Missing(f"There is no unfinished survey {survey_id}: it is finished, or another one took its place.")
    return row


class _UnitIds:
    """The ids of a network's units, each layer's read when the first of its units is looked up."""

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


def _measure_columns(found: UnitEvidence, ids: _UnitIds) -> dict[str, Any]:
    best = max(range(len(found.precision)), key=found.precision.__getitem__)
    fusion, speed, direction = found.synergy, found.speed, found.direction
    return {
        "layer_index": ids.layer_index(found.layer),
        "a_hat": found.a_hat,
        "mean": found.mean,
        "firing_rate": found.firing_rate,
        "effective_classes": found.effective_classes,
        "role": found.role.value,
        "best_class": best,
        "best_precision": found.precision[best],
        "synergy_stimulus": fusion and fusion.stimulus,
        "synergy_clips": fusion and fusion.clips,
        "swap": fusion and fusion.swap,
        "speed_octaves": speed and speed.octaves,
        "direction_selectivity": direction and direction.selectivity,
        "curves": {
            "speed": speed and speed.model_dump(mode="json"),
            "direction": direction and direction.model_dump(mode="json"),
            "alike": found.correlated_units,
        },
    }


def _packed_lists(found: UnitEvidence) -> dict[str, Any]:
    return {
        "responses": pack(found.responses),
        "maxima": pack(found.maxima),
        "precision": pack(found.precision),
    }


def _best_classes(found: UnitEvidence, ids: _UnitIds) -> list[dict[str, Any]]:
    """Return rows for the classes that a unit detects best; none for a dead unit, which detects nothing."""
    if found.role is UnitRole.DEAD:
        return []
    order = sorted(range(len(found.precision)), key=lambda index: -found.precision[index])
    return [
        {
            "rank": rank,
            "class_index": index,
            "precision": found.precision[index],
            "response": found.responses[index],
            "layer_index": ids.layer_index(found.layer),
            "is_generic": found.role is UnitRole.GENERIC,
        }
        for rank, index in enumerate(order[:TOP_CLASSES_PER_UNIT])
    ]


def _peak_columns(top: TopClip) -> dict[str, Any]:
    return {"activation": top.activation, "x": top.x, "y": top.y, "time": top.time, "trace": pack(top.trace)}
