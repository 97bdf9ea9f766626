"""A recipe that a network cannot take is refused with what to choose instead, from the card alone."""

import pytest

from app.contract.errors import InvalidRecipe, UnknownLayer
from app.contract.network import NetworkCard
from app.contract.recipe import Recipe
from tests.support import two_stream_card
from tests.web.conftest import clip_card


def measured(card: NetworkCard) -> NetworkCard:
    limits = {"sizes": ((24, 24), (32, 48)), "lengths": ((8, 20),)}
    return card.model_copy(update={"layers": tuple(layer.model_copy(update=limits) for layer in card.layers)})


@pytest.mark.parametrize(
    ("card", "recipe", "sentence"),
    [
        (measured(clip_card()), {"size": 31}, "`size` is 31: it takes 24, 32 to 48. Leave `size` empty for .* own, 32"),
        (measured(clip_card()), {"size": 49}, "it takes 24, 32 to 48"),
        (measured(clip_card()), {"frames": 7}, "`frames` is 7: it takes 8 to 20. Leave `frames` empty"),
        (two_stream_card(), {"frames": 5}, "fixed length. Leave `frames` empty .or 3"),
        (two_stream_card(), {"bound": 1e-4, "alpha": 12}, "`bound` 0.0001 to the power of `alpha` 12 is too small"),
    ],
)
def test_what_does_not_fit_is_refused(card: NetworkCard, recipe: dict[str, object], sentence: str) -> None:
    with pytest.raises(InvalidRecipe, match=sentence):
        Recipe.model_validate(recipe).resolved(card).require_fit(card, "class")


@pytest.mark.parametrize("card", [clip_card(), two_stream_card(), measured(clip_card())])
def test_a_networks_own_recipe_fits(card: NetworkCard) -> None:
    for recipe in (Recipe(), Recipe(objective="center"), Recipe(size=32), Recipe(size=48)):
        recipe.resolved(card).require_fit(card, "class")
    with pytest.raises(UnknownLayer):
        Recipe().resolved(card).require_fit(card, "conv99")


def test_sizes_that_were_not_measured_are_for_the_worker_to_refuse() -> None:
    card = clip_card()
    Recipe(size=16, frames=1).resolved(card).require_fit(card, "class")
