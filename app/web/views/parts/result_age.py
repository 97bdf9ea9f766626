"""Whether a result is what its recipe would give today, in a sentence: a survey changes a_hat, by which J divides."""

from app.contract.network import NetworkCard
from app.contract.result import Visualization
from app.web.views.parts.recipes import is_default_of_before


def age_note(result: Visualization, card: NetworkCard) -> str:
    """Return how a result differs from one that the same choices would give today; empty where it does not."""
    recipe = result.recipe
    if is_default_of_before(recipe, card):
        return "Made with steps smoothed over time, as was usual before the speed acted through J alone."
    if recipe.survey_maxima == "unrecorded":
        return "Made before the a_hat in J was recorded."
    if recipe.survey_maxima == card.survey_maxima:
        return ""
    if recipe.survey_maxima:
        return "Made with a_hat of an earlier survey."
    return "Made with a_hat = 1, before the survey."
