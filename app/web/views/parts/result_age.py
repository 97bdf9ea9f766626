"""Whether a result is what its recipe would give today, in a sentence: a survey changes a_hat, by which J divides."""

from app.contract.network import NetworkCard
from app.contract.result import Visualization


def age_note(result: Visualization, card: NetworkCard) -> str:
    """Return how a result differs from one that the same choices would give today; empty where it does not."""
    made_with = result.recipe.survey_maxima
    if made_with == "unrecorded":
        return "Made before the a_hat in J was recorded."
    if made_with == card.survey_maxima:
        return ""
    return "Made with a_hat of an earlier survey." if made_with else "Made with a_hat = 1, before the survey."
