"""The digest of a survey's a_hat: on the card, in the recipes asked for after it, and in what a job divides by."""

import pytest
import torch

from app.contract.errors import Missing
from app.store.catalog.networks import get_card
from app.store.database.engine import Store
from tests.evidence_support import add_dataset, survey
from tests.support import enqueue
from worker.tasks.visualize import VisualizeTask


def digest(store: Store) -> str:
    with store.session() as session:
        return get_card(session, slug="tiny").survey_maxima


def test_a_survey_gives_recipes_another_key_and_jobs_the_a_hat_that_these_name(tiny: Store) -> None:
    add_dataset(tiny)
    assert digest(tiny) == ""
    [before] = enqueue(tiny, 2)
    survey(tiny)
    first = digest(tiny)
    [after] = enqueue(tiny, 2)
    assert (before.recipe.survey_maxima, after.recipe.survey_maxima) == ("", first)
    assert before.recipe.key() != after.recipe.key()
    task = VisualizeTask(tiny, torch.device("cpu"))
    assert task._a_hat([before]) is None, "its key says that no survey had measured a_hat"
    assert task._a_hat([after]) == [4.0]
    survey(tiny)
    assert digest(tiny) == first, "the same a_hat have the same digest"

    gone = after.model_copy(update={"recipe": after.recipe.model_copy(update={"survey_maxima": "0" * 64})})
    with pytest.raises(Missing, match="Ask for the visualization again"):
        task._a_hat([gone])
