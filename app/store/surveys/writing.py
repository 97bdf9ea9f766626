"""A survey on its way: asked for, begun unseen, filled unit by unit, then published whole or abandoned."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from app.contract.errors import Conflict, Missing
from app.contract.evidence import TOP_CLASSES_PER_UNIT, NewClipPrediction, SurveyFacts, TopClip, UnitEvidence
from app.contract.job import JobKind, Priority, SurveyJob, jobs_of_kind
from app.contract.unit import UnitRole
from app.store.catalog.networks import card_of, network_row
from app.store.catalog.survey_columns import list_evidence
from app.store.database.chunks import chunks
from app.store.database.engine import now
from app.store.database.packing import pack, pack_counts
from app.store.database.session import Session
from app.store.database.survey_tables import (
    AnswerRow,
    EvidenceByClassRow,
    EvidenceRow,
    FeedRow,
    SurveyRow,
    TopClipRow,
    UnitClassRow,
)
from app.store.database.tables import JobRow, NetworkRow, UnitRow
from app.store.datasets import clip_ids, dataset_row
from app.store.jobs.requests import LIVE, enqueue_alone
from app.store.jobs.rows import JOBS, read_jobs
from app.store.surveys.findings import keep_measured

CHUNK = 200  # units or answers inserted at once


def enqueue_survey(
    session: Session, *, network: str, dataset: str, limit: int = 100_000, priority: int = Priority.SWEEP
) -> SurveyJob:
    """A live job, joined or new. A survey takes long: unlike a click it lets clicks go in between."""
    network_id, dataset_id = network_row(session, network).id, dataset_row(session, dataset).id
    job = enqueue_alone(
        session,
        kind=JobKind.SURVEY,
        what=str(dataset_id),
        network_id=network_id,
        dataset_id=dataset_id,
        priority=priority,
        limit=limit,
    )
    assert isinstance(job, SurveyJob)
    return job


def live_surveys(session: Session, *, network: str) -> list[SurveyJob]:
    """A network's surveys that wait or run."""
    row = network_row(session, network)
    live = JOBS.where(JobRow.network_id == row.id, JobRow.kind == JobKind.SURVEY, JobRow.state.in_(LIVE))
    return jobs_of_kind(SurveyJob, read_jobs(session, live.order_by(JobRow.id)))


def begin_survey(session: Session, *, network: str, dataset: str) -> int:
    """A survey that nobody sees yet. One of the same network and data set that was left unfinished is dropped."""
    network_id, dataset_id = network_row(session, network).id, dataset_row(session, dataset).id
    same = (SurveyRow.network_id == network_id, SurveyRow.dataset_id == dataset_id)
    session.execute(delete(SurveyRow).where(*same, SurveyRow.finished_at.is_(None)))
    row = SurveyRow(network_id=network_id, dataset_id=dataset_id, started_at=now(session))
    session.add(row)
    session.flush()
    return row.id


def save_units(session: Session, *, survey_id: int, units: Iterable[UnitEvidence]) -> int:
    """Add what was found of these units; gives how many."""
    survey = _unfinished(session, survey_id)
    ids = _UnitIds(session, survey.network_id)
    saved = 0
    for chunk in chunks(units, CHUNK):
        names = {top.clip for found in chunk for top in found.top_clips}
        clips = clip_ids(session, dataset_id=survey.dataset_id, names=names)
        keyed = [({"survey_id": survey_id, "unit_id": ids.find(found)}, found) for found in chunk]
        session.execute(insert(EvidenceRow), [key | _columns(found, ids) for key, found in keyed])
        session.execute(insert(EvidenceByClassRow), [key | _lists(found) for key, found in keyed])
        for table, rows in (
            (
                UnitClassRow,
                [key | row for key, found in keyed for row in _best_classes(found, ids)],
            ),
            (
                TopClipRow,
                [
                    key | {"rank": rank, "clip_id": clips[top.clip]} | _peak(top)
                    for key, found in keyed
                    for rank, top in enumerate(found.top_clips)
                ],
            ),
            (
                FeedRow,
                [
                    key | {"rank": rank} | feed.model_dump()
                    for key, found in keyed
                    for rank, feed in enumerate(found.feeds)
                ],
            ),
        ):
            if rows:
                session.execute(insert(table), rows)
        saved += len(chunk)
    return saved


def save_answers(session: Session, *, survey_id: int, answers: Iterable[NewClipPrediction]) -> int:
    """Add what the network takes these clips for; gives how many."""
    survey = _unfinished(session, survey_id)
    saved = 0
    for some in chunks(answers, CHUNK):
        ids = clip_ids(session, dataset_id=survey.dataset_id, names={answer.clip for answer in some})
        rows = [
            {"survey_id": survey_id, "clip_id": ids[answer.clip]} | answer.model_dump(exclude={"clip"})
            for answer in some
        ]
        session.execute(insert(AnswerRow), rows)
        saved += len(some)
    return saved


def save_places(session: Session, *, survey_id: int, places: Mapping[tuple[str, int], tuple[float, float]]) -> None:
    """Where the units (layer, number) lie on the map of their network; those that are not named have no place."""
    ids = _UnitIds(session, _unfinished(session, survey_id).network_id)
    rows = [
        {"survey_id": survey_id, "unit_id": ids.of(*name), "map_x": x, "map_y": y} for name, (x, y) in places.items()
    ]
    if rows:
        session.execute(update(EvidenceRow), rows)


def finish_survey(session: Session, *, survey_id: int, facts: SurveyFacts) -> None:
    """Publish: from here on pages and listings speak of this survey, and the former with the data set is gone."""
    survey = _unfinished(session, survey_id)
    units = card_of(session.get_one(NetworkRow, survey.network_id)).units
    for table, what, all_ in ((EvidenceRow, "units", units), (AnswerRow, "clips", facts.clips)):
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
    network = session.get_one(NetworkRow, survey.network_id)
    list_evidence(session, network_id=network.id)
    keep_measured(session, network=network.slug)


def abandon_survey(session: Session, *, survey_id: int) -> None:
    """Drop a survey that is not finished, with all that was saved of it."""
    session.execute(delete(SurveyRow).where(SurveyRow.id == survey_id, SurveyRow.finished_at.is_(None)))


def _unfinished(session: Session, survey_id: int) -> SurveyRow:
    row = session.scalar(select(SurveyRow).where(SurveyRow.id == survey_id, SurveyRow.finished_at.is_(None)))
    if row is None:
        raise Missing(f"There is no unfinished survey {survey_id}: it is finished, or another one took its place.")
    return row


class _UnitIds:
    """Ids of a network's units, read layer by layer."""

    def __init__(self, session: Session, network_id: int) -> None:
        self._session = session
        self._network_id = network_id
        self._card = card_of(session.get_one(NetworkRow, network_id))
        self._ids: dict[str, dict[int, int]] = {}

    def layer_index(self, name: str) -> int:
        return self._card.layer(name).index

    def find(self, found: UnitEvidence) -> int:
        return self.of(found.layer, found.unit)

    def of(self, layer: str, unit: int) -> int:
        self._card.unit(layer, unit)
        if layer not in self._ids:
            rows = self._session.execute(
                select(UnitRow.index, UnitRow.id).where(
                    UnitRow.network_id == self._network_id, UnitRow.layer_index == self.layer_index(layer)
                )
            )
            self._ids[layer] = dict(rows.all())
        return self._ids[layer][unit]


def _columns(found: UnitEvidence, ids: _UnitIds) -> dict[str, Any]:
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
            "alike": found.alike,
        },
    }


def _lists(found: UnitEvidence) -> dict[str, Any]:
    return {
        "responses": pack(found.responses),
        "maxima": pack(found.maxima),
        "precision": pack(found.precision),
    }


def _best_classes(found: UnitEvidence, ids: _UnitIds) -> list[dict[str, Any]]:
    """None of a dead unit, which detects nothing."""
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


def _peak(top: TopClip) -> dict[str, Any]:
    return {"activation": top.activation, "x": top.x, "y": top.y, "time": top.time, "trace": pack(top.trace)}
