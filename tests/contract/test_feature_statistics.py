"""What feature statistics a recipe takes from the card of a network, and what that does to its key."""

import pytest

from app.contract.errors import InvalidRecipe
from app.contract.network import Extent, NetworkCard
from app.contract.recipe import Recipe, ResolvedRecipe
from tests.support import two_stream_card

FIRST, SECOND = "a" * 64, "b" * 64


def signed_card(**changes: object) -> NetworkCard:
    """Return a card whose first layer has units of two signs on a map of 16 positions; no other layer has."""
    card = two_stream_card()
    first = card.layers[0].model_copy(update={"signed": True, "map": Extent(frames=1, height=4, width=4)})
    return card.model_copy(update={"layers": (first, *card.layers[1:]), **changes})


def test_the_statistics_are_part_of_the_key_where_the_prior_uses_them() -> None:
    recipe = Recipe(bn_prior=1)
    none, first, second = (recipe.resolved(signed_card(feature_statistics=each)) for each in ("", FIRST, SECOND))
    assert (none.feature_statistics, first.feature_statistics, second.feature_statistics) == ("", FIRST, SECOND)
    assert len({none.key(), first.key(), second.key()}) == 3
    assert len({none.batch_key(), first.batch_key(), second.batch_key()}) == 3
    again = ResolvedRecipe.from_storage(first.to_storage())
    assert (again, again.key()) == (first, first.key())


@pytest.mark.parametrize(
    ("recipe", "changes"),
    [
        (Recipe(), {}),
        (Recipe(bn_prior=0, feature_statistics=SECOND), {}),
        (Recipe(bn_prior=1, objective="center"), {}),
        (Recipe(bn_prior=1, feature_statistics=SECOND), {"normalised": True}),
    ],
    ids=["default", "no prior", "one position", "batch normalisation"],
)
def test_keys_are_as_before_where_the_prior_does_not_use_them(recipe: Recipe, changes: dict[str, object]) -> None:
    surveyed = signed_card(feature_statistics=FIRST, **changes)
    before = recipe.model_copy(update={"feature_statistics": ""}).resolved(signed_card(**changes))
    assert recipe.resolved(surveyed) == before
    assert recipe.resolved(surveyed).key() == before.key()


def test_statistics_that_a_recipe_names_are_kept() -> None:
    assert Recipe(bn_prior=1, feature_statistics=SECOND).resolved(signed_card(feature_statistics=FIRST)) == Recipe(
        bn_prior=1
    ).resolved(signed_card(feature_statistics=SECOND))


def test_a_network_without_a_survey_is_to_be_surveyed_first() -> None:
    card, recipe = signed_card(), Recipe(bn_prior=1)
    with pytest.raises(InvalidRecipe, match="Survey the network first"):
        recipe.resolved(card).require_statistics(card)
    for other_card, other_recipe in (
        (signed_card(feature_statistics=FIRST), recipe),
        (signed_card(normalised=True), recipe),
        (two_stream_card(), recipe),  # no survey would measure anything
        (card, Recipe()),
        (card, Recipe(bn_prior=1, objective="center")),
    ):
        other_recipe.resolved(other_card).require_statistics(other_card)


def test_statistics_are_those_of_layers_of_two_signs_with_positions_enough() -> None:
    card = signed_card()
    assert card.statistics_layers == card.layers[:1]
    assert signed_card(normalised=True).statistics_layers == ()
    few = card.layers[0].model_copy(update={"map": Extent(frames=1, height=3, width=5)})
    assert card.model_copy(update={"layers": (few, *card.layers[1:])}).statistics_layers == ()
    assert two_stream_card().statistics_layers == ()
