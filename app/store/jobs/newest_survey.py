"""What a new survey does to visualizations that wait: they are made with what it measured, under the key that says so.

J divides by a_hat, which a survey measures, so the key of a recipe names the survey. A job that is running keeps what
it began with.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, case, func, literal, select, update

from app.contract.job import JobError, JobKind, JobState
from app.contract.network import NetworkCard
from app.contract.recipe import ResolvedRecipe
from app.store.catalog.networks import network_id
from app.store.database.clock import now
from app.store.database.session import Session
from app.store.database.tables import JobRow, VisualizationRow
from app.store.jobs.rows import LIVE_STATES, change_values, date_at_commit
from app.store.results.recipes import read_recipes, store_recipe


def with_newest_survey(recipe: ResolvedRecipe, card: NetworkCard) -> ResolvedRecipe:
    """Return a recipe with the a_hat and the feature statistics of the newest survey, as far as it names a survey's.

    A recipe from before surveys were named takes the newest a_hat whatever it says. Feature statistics that no survey
    of the network has any more are left as they are.
    """
    newest: dict[str, str] = {}
    if recipe.survey_maxima != "unrecorded":
        newest["survey_maxima"] = card.survey_maxima
    if recipe.feature_statistics and card.feature_statistics:
        newest["feature_statistics"] = card.feature_statistics
    return recipe.model_copy(update=newest)


def follow_newest_survey(session: Session, *, card: NetworkCard) -> None:
    """Give the queued visualizations of a network the recipes that its newest survey gives them.

    A job whose new recipe has a result is done with that. One whose new recipe another live job has is cancelled, and
    says which job that is.
    """
    moment = now(session)
    queued = (
        JobRow.kind == JobKind.VISUALIZE,
        JobRow.network_id == network_id(session, card),
        JobRow.state == JobState.QUEUED,
    )
    keys = session.scalars(select(JobRow.recipe_key).where(*queued).distinct()).all()
    for key, recipe in read_recipes(session, {key for key in keys if key is not None}).items():
        newest = with_newest_survey(recipe, card)
        if newest != recipe:
            _move(session, [*queued, JobRow.recipe_key == key], (key, recipe.batch_key()), newest, moment)
    date_at_commit(session, moment)
    session.expire_all()


def _move(
    session: Session, jobs: list[ColumnElement[bool]], keys: tuple[str, str], newest: ResolvedRecipe, moment: datetime
) -> None:
    """Move the queued jobs of one recipe, which has these keys as a recipe and as a batch, to the newest one."""
    (recipe_key, batch_key), new_key = keys, store_recipe(session, newest)
    new_job_key = func.replace(JobRow.key, recipe_key, new_key)
    asked = literal({"asked_recipe": recipe_key}, JobRow.parameters.type)
    values = {
        "key": new_job_key,
        "recipe_key": new_key,
        "batch_key": func.replace(JobRow.batch_key, batch_key, newest.batch_key()),
        "parameters": case((JobRow.parameters.is_(None), asked), else_=JobRow.parameters),
        **change_values(moment),
    }
    result = (
        select(VisualizationRow.id)
        .where(VisualizationRow.unit_id == JobRow.unit_id, VisualizationRow.recipe_key == new_key)
        .scalar_subquery()
    )
    change = update(JobRow).execution_options(synchronize_session=False)
    done = {"state": JobState.DONE.value, "visualization_id": result, "finished_at": moment}
    session.execute(change.where(*jobs, result.is_not(None)).values(**values, **done))

    of_newest = (JobRow.recipe_key == new_key, JobRow.state.in_(LIVE_STATES))
    others: dict[int | None, int] = dict(session.execute(select(JobRow.unit_id, JobRow.id).where(*of_newest)).all())
    same = session.execute(select(JobRow.id, JobRow.unit_id).where(*jobs)).all() if others else ()
    for id, other in ((id, others[unit]) for id, unit in same if unit in others):
        detail = f"A newer survey gave it the recipe of job {other}, which is under way."
        cancelled = {"state": JobState.CANCELLED.value, "cancel_requested": True, "finished_at": moment}
        error = JobError(kind="same_as_other", detail=detail).model_dump()
        session.execute(change.where(JobRow.id == id).values(**values, **cancelled, error=error))
    session.execute(change.where(*jobs).values(**values))
