"""Survey jobs: a data set through a network; the results are saved hidden, then published as a whole."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from app.contract.evidence import UnitEvidence
from app.contract.job import SurveyJob
from app.contract.survey import NewClipPrediction
from app.contract.survey_part import SurveyPart
from app.settings import settings
from app.store import Session
from app.store.database.chunks import chunks
from app.store.database.engine import Store
from app.store.surveys import evidence, writing
from app.store.surveys.costs import pass_seconds
from worker.evidence.unit_embedding import UnitEmbedding
from worker.job_context import JobContext
from worker.survey.clip_flow import add_missing_flow, has_motion_stream
from worker.survey.kept_recordings import PublishedSurvey, discard_recording, keep_recording, prune_recordings
from worker.survey.plan import RECORDING_AGAIN
from worker.survey.run import SurveyResult, SurveyRun, checkpoint_folder
from worker.survey.stages import StageProgress
from worker.survey.stored_inputs import stored_samples, stored_stimuli
from worker.tasks.network_cache import NetworkCache
from worker.tasks.progress import ProgressReporter
from worker.tasks.survey_extension import find_survey_to_extend, take_over_facts, take_over_units

ROWS_PER_TRANSACTION = 400  # units, or predictions
FLOW, SAVING = "first computes the motion that pages show", "last saves what each unit did"


class SurveyTask:
    """Surveys a network with a stored data set. A survey that stops early keeps its checkpoint for the next start.

    `probed_layers` are those that later stages measure, see `SurveyRun`.
    """

    def __init__(
        self,
        store: Store,
        device: torch.device,
        rows_per_transaction: int = ROWS_PER_TRANSACTION,
        probed_layers: Sequence[str] | None = None,
    ) -> None:
        self.store = store
        self.networks = NetworkCache(store, device, max_networks=1)
        self.rows_per_transaction = rows_per_transaction
        self.probed_layers = probed_layers

    def __call__(self, jobs: Sequence[SurveyJob], context: JobContext) -> None:
        context.run_each(jobs, self._survey)

    def _survey(self, job: SurveyJob, context: JobContext) -> None:
        network = self.networks.load(job.network)
        reporter = ProgressReporter(context, [job])

        def observe(progress: StageProgress) -> None:
            reporter.report(progress.done, progress.total, progress.description, progress.parts)

        if has_motion_stream(network.card):
            add_missing_flow(
                self.store, job.dataset, observe=lambda done, total: observe(StageProgress("flow", FLOW, done, total))
            )
        samples, folder = stored_samples(self.store, job.dataset), settings().home / "surveys"
        former = find_survey_to_extend(self.store, network.card, job.dataset, len(samples), job.parts)
        if former is None:
            discard_recording(checkpoint_folder(folder, network.card, job.dataset, samples))
        with self.store.session() as session:
            costs = pass_seconds(session, card=network.card)
        survey = SurveyRun(
            network,
            job.dataset,
            samples,
            folder,
            parts=tuple(SurveyPart) if job.parts is None else job.parts,
            pass_seconds=costs,
            probed_layers=self.probed_layers,
            threads=max(1, (os.cpu_count() or 2) - 1),
            stimuli=stored_stimuli(self.store, network.card),
            observe=observe,
        )
        has_recorded = survey.checkpoint.clips_done < len(samples)
        if former is not None and has_recorded:
            survey.plan.descriptions[SurveyPart.RECORD] = RECORDING_AGAIN
        result = survey.run()
        if former is not None:
            units = take_over_units(self.store, network.card, former, result)
            facts = take_over_facts(former, result.facts, has_recorded=has_recorded)
            result = replace(result, facts=facts, units=units)
        survey_id = context.save(
            lambda session: writing.begin_survey(session, network=job.network, dataset=job.dataset)
        )
        try:
            for saved in self._save_units(survey_id, result.units, context):
                observe(StageProgress("save", SAVING, saved, network.card.units))
            self._save_predictions(survey_id, result.predictions, context)
            is_published = self._publish(job, survey_id, result, context)
        except BaseException:
            with self.store.transaction() as session:
                writing.abandon_survey(session, survey_id=survey_id)
            raise
        if is_published:
            keep_recording(survey.checkpoint.folder, PublishedSurvey(job.network, job.dataset, survey_id))
            prune_kept_recordings(self.store, folder)

    def _save_units(self, survey_id: int, units: Iterator[UnitEvidence], context: JobContext) -> Iterator[int]:
        """Save the units and their positions on the map; yield after each transaction how many are saved."""
        saved, embedding = 0, UnitEmbedding()
        for batch in chunks(embedding.collect(units), self.rows_per_transaction):
            saved += context.save(partial(writing.save_unit_evidence, survey_id=survey_id, units=batch))
            yield saved
        positions = embedding.positions()
        context.save(partial(writing.save_map_positions, survey_id=survey_id, positions=positions))

    def _save_predictions(self, survey_id: int, predictions: Iterator[NewClipPrediction], context: JobContext) -> None:
        for batch in chunks(predictions, self.rows_per_transaction):
            context.save(partial(writing.save_predictions, survey_id=survey_id, predictions=batch))

    @staticmethod
    def _publish(job: SurveyJob, survey_id: int, result: SurveyResult, context: JobContext) -> bool:
        """Make the survey visible and end its job; return False where the job is no longer ours."""
        is_published = False

        def save(session: Session) -> dict[str, Any]:
            nonlocal is_published
            facts = result.facts
            writing.finish_survey(session, survey_id=survey_id, facts=facts, feature_statistics=result.statistics)
            is_published = True
            return {"clips": facts.clips, "skipped": len(facts.skipped), "accuracy": facts.accuracy}

        context.finish(job, save)
        return is_published


def prune_kept_recordings(store: Store, folder: Path) -> None:
    """Remove the recordings in a folder whose surveys are no longer there, and the oldest where they are too many."""
    with store.session() as session:
        surveys = evidence.list_surveys(session)
    prune_recordings(folder, {PublishedSurvey(each.network, each.dataset, each.id) for each in surveys})
