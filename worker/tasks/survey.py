"""Jobs of the kind `survey`: a data set through a network, saved unseen, then published whole."""

import logging
import os
import time
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from app.contract.errors import KinetoscopeError
from app.contract.evidence import NewAnswer, UnitEvidence
from app.contract.job import Progress, SurveyJob
from app.settings import settings
from app.store import Session
from app.store.database.chunks import chunks
from app.store.database.engine import Store
from app.store.surveys import writing
from worker.evidence.unit_embedding import UnitEmbedding
from worker.loop import Desk
from worker.survey.run import SurveyResult, SurveyRun
from worker.survey.stages import Stage, StageProgress
from worker.survey.stored_inputs import stored_samples, stored_stimuli
from worker.tasks.resident import Resident

log = logging.getLogger(__name__)

SAVED_AT_ONCE = 400  # units, or answers, in one transaction


class Dropped(Exception):
    """The job was cancelled, or is another worker's by now. What was recorded stays for the next start."""


class Survey:
    def __init__(self, store: Store, device: torch.device) -> None:
        self.store = store
        self.resident = Resident(store, device, kept=1)

    def __call__(self, jobs: Sequence[SurveyJob], desk: Desk) -> None:
        for job in jobs:
            try:
                self._survey(job, desk)
            except Dropped:
                log.info("job %s (survey of %s) was dropped", job.id, job.network)
            except KinetoscopeError as error:
                desk.fail(job, error)

    def _survey(self, job: SurveyJob, desk: Desk) -> None:
        network = self.resident.network(job.network)
        reports = _Reports(job, desk)
        survey = SurveyRun(
            network,
            job.dataset,
            stored_samples(self.store, job.dataset),
            settings().home / "surveys",
            threads=max(1, (os.cpu_count() or 2) - 1),
            stimuli=stored_stimuli(self.store, network.card),
            observe=reports.observe,
        )
        found = survey.run()
        with self.store.transaction() as session:
            survey_id = writing.begin_survey(session, network=job.network, dataset=job.dataset)
        try:
            self._save_units(survey_id, found.units, network.card.units, reports)
            self._save_answers(survey_id, found.predictions)
            published = self._publish(job, survey_id, found, desk)
        except BaseException:
            with self.store.transaction() as session:
                writing.abandon_survey(session, survey_id=survey_id)
            raise
        if published:
            survey.checkpoint.remove()

    def _save_units(self, survey_id: int, units: Iterator[UnitEvidence], total: int, reports: "_Reports") -> None:
        saved, embedding = 0, UnitEmbedding()
        for some in chunks(embedding.collect(units), SAVED_AT_ONCE):
            with self.store.transaction() as session:
                saved += writing.save_units(session, survey_id=survey_id, units=some)
            reports.observe(StageProgress(Stage.SAVE, saved, total))
        places = embedding.positions()
        with self.store.transaction() as session:
            writing.save_places(session, survey_id=survey_id, places=places)

    def _save_answers(self, survey_id: int, answers: Iterator[NewAnswer]) -> None:
        for some in chunks(answers, SAVED_AT_ONCE):
            with self.store.transaction() as session:
                writing.save_answers(session, survey_id=survey_id, answers=some)

    @staticmethod
    def _publish(job: SurveyJob, survey_id: int, found: SurveyResult, desk: Desk) -> bool:
        published = False

        def save(session: Session) -> dict[str, Any]:
            nonlocal published
            writing.finish_survey(session, survey_id=survey_id, facts=found.facts)
            published = True
            facts = found.facts
            return {"clips": facts.clips, "skipped": len(facts.skipped), "accuracy": facts.accuracy}

        desk.complete(job, save)
        return published


class _Reports:
    """Translates the survey's stages into what the desk is told."""

    def __init__(self, job: SurveyJob, desk: Desk) -> None:
        self.job, self.desk = job, desk
        self.stage: Stage | None = None
        self.first, self.started = 0, 0.0

    def observe(self, stage: StageProgress) -> None:
        if stage.stage != self.stage:
            self.stage, self.first, self.started = stage.stage, stage.done, time.monotonic()
        elapsed, done = time.monotonic() - self.started, stage.done - self.first
        seconds_left = elapsed / done * (stage.total - stage.done) if done else None
        progress = Progress(
            stage=stage.stage.description, step=stage.done, steps=stage.total, seconds_left=seconds_left
        )
        if self.job.id in self.desk.report({self.job.id: progress}, {}):
            raise Dropped
