"""Visualize jobs: a batch of units of one layer, from noise to saved pictures."""

from collections.abc import Iterable, Mapping, Sequence

import torch

from app.contract.errors import KinetoscopeError, Missing
from app.contract.job import VisualizeJob
from app.contract.network import NetworkCard, StreamName
from app.store import datasets
from app.store.catalog.networks import get_card
from app.store.catalog.survey_columns import read_feature_statistics
from app.store.catalog.units import get_unit
from app.store.database.engine import Store
from app.store.jobs.newest_survey import with_newest_survey
from worker.evidence.feature_statistics import unpack_statistics
from worker.graph.bn_statistics import ChannelStatistics
from worker.graph.inputs import from_input
from worker.job_context import JobContext
from worker.maximize.from_recipe import maximize_units
from worker.maximize.measures import Array
from worker.maximize.result import Step
from worker.networks.preprocessing import clip_format, make_inputs
from worker.render.comparison import render_comparison
from worker.render.stimulus import render_preview, render_stimulus
from worker.survey.stored_inputs import stored_frames
from worker.tasks.network_cache import NetworkCache
from worker.tasks.progress import ProgressReporter


class VisualizeTask:
    """Computes the stimuli of a batch of units that share a network, a layer, and a recipe but for its seed.

    Stimuli of one unit that must differ are a batch of their own, and are computed all together, also those whose jobs
    are not in it: so a result does not depend on which jobs a worker has claimed.
    """

    def __init__(self, store: Store, device: torch.device) -> None:
        self.store = store
        self.networks = NetworkCache(store, device)

    def __call__(self, jobs: Sequence[VisualizeJob], context: JobContext) -> None:
        if self._follow_newest_survey(jobs[0], context):
            return
        a_hat, statistics = self._a_hat(jobs), self._statistics(jobs[0])
        network = self.networks.load(jobs[0].network)
        clip = read_start(self.store, network.card, jobs[0].recipe.start_clip)
        reporter = ProgressReporter(context, jobs)
        reporter.start_stage()
        failed: set[int] = set()
        is_group, members = jobs[0].recipe.count > 1, jobs[0].recipe.members()
        # what is computed, by its index, for a job by its index
        item_of = {index: job.recipe.member if is_group else index for index, job in enumerate(jobs)}
        job_of = {item: index for index, item in item_of.items()}

        def fail(index: int, error: KinetoscopeError) -> None:
            if index not in failed:
                failed.add(index)
                context.fail(jobs[index], error)

        def observe(step: Step) -> Iterable[int]:
            for item, error in step.errors.items():  # a failure is reported at once, not when the other units end
                if item in job_of:
                    fail(job_of[item], error)
            dropped = reporter.report_objectives(
                step.step,
                step.steps,
                {job_of[item]: objective for item, objective in step.objective.items() if item in job_of},
                lambda index: render_preview(step.stimulus(item_of[index])),
            )
            if is_group:  # as the others depend on each of them, all go on until no job is left
                return () if context.open_jobs else range(len(members))
            return dropped

        results = maximize_units(
            network,
            jobs[0].layer,
            [jobs[0].unit] * len(members) if is_group else [job.unit for job in jobs],
            members if is_group else [job.recipe for job in jobs],
            a_hat=[a_hat[0]] * len(members) if is_group and a_hat is not None else a_hat,
            statistics=statistics,
            clip=clip,
            observe=observe,
        )
        for result in results:
            index = job_of.get(result.index)
            if index is None or jobs[index].id not in context.open_jobs:
                continue
            if isinstance(result.outcome, KinetoscopeError):
                fail(index, result.outcome)
            else:
                media = render_stimulus(result.outcome.stimulus, result.outcome.frames)
                if clip is not None:
                    media.append(render_comparison(clip, result.outcome.stimulus))
                context.finish_visualization(jobs[index], result.outcome.measurements, media)

    def _follow_newest_survey(self, job: VisualizeJob, context: JobContext) -> bool:
        """Queue a batch again where a newer survey came before it began, and return whether one did."""
        with self.store.session() as session:
            card = get_card(session, slug=job.network)
        is_behind = with_newest_survey(job.recipe, card) != job.recipe
        if is_behind:
            context.follow_newest_survey(card)
        return is_behind

    def _statistics(self, job: VisualizeJob) -> Mapping[str, ChannelStatistics] | None:
        """Return the feature statistics that a job's recipe names, by layer. Raises Missing where they are gone."""
        digest = job.recipe.feature_statistics
        if not digest:
            return None
        with self.store.session() as session:
            card = get_card(session, slug=job.network)
            return unpack_statistics(read_feature_statistics(session, card=card, sha256=digest))

    def _a_hat(self, jobs: Sequence[VisualizeJob]) -> list[float] | None:
        """Return the units' largest activations over data, minus the lowest to minimize; None where none is known.

        They are those of the survey that the recipe names: none where it names none, though there may be one by now.
        Raises Missing where it names another survey than the newest. A recipe from before surveys were named takes the
        newest.
        """
        named = jobs[0].recipe.survey_maxima
        if not named:
            return None
        with self.store.session() as session:
            card = get_card(session, slug=jobs[0].network)
            if named not in ("unrecorded", card.survey_maxima):
                raise Missing(
                    f"The survey of {card.title} whose a_hat the recipe names, {named[:12]}, has been removed, or "
                    "replaced by a newer one. Ask for the visualization again: it is made with that of the newest."
                )
            units = [get_unit(session, card=card, layer=job.layer, unit=job.unit) for job in jobs]
        if jobs[0].recipe.sign == "minimize":
            known = [-unit.a_low for unit in units if unit.a_low is not None]
        else:
            known = [unit.a_hat for unit in units if unit.a_hat is not None]
        return known if len(known) == len(jobs) else None


def read_start(store: Store, card: NetworkCard, sha256: str) -> dict[StreamName, Array] | None:
    """Return what a network sees of the clip whose video has this checksum, (D, T, H, W) by stream; None for "".

    Raises Missing where no data set has the clip any more, VideoError where it cannot be read.
    """
    if not sha256:
        return None
    with store.session() as session:
        clip = datasets.clip_of_video(session, sha256=sha256)
    if clip is None:
        raise Missing(
            f"The clip that the stimulus was to start from, {sha256[:12]}, has been removed with its data set. Add the "
            "data set again, or choose another clip."
        )
    frames = stored_frames(store, clip.dataset, clip.name, clip_format(card).frames)
    return {name: from_input(name, x)[0].numpy() for name, x in make_inputs(card, frames).items()}
