from app.contract.recipe import Recipe
from app.contract.recipe_defaults import LEGACY_VALUES
from app.contract.recipe_names import RENAMED_FIELDS
from app.store.results.recipes import parse_recipe
from tests.support import two_stream_card


def test_a_recipe_from_before_a_field_came_is_still_the_same_recipe() -> None:
    card = two_stream_card().model_copy(update={"normalised": True})
    older = Recipe(prior="pixel", step_size=0.17, **LEGACY_VALUES).resolved(card)
    added_later = {RENAMED_FIELDS.get(name, name) for name in LEGACY_VALUES}
    body = {name: value for name, value in older.to_storage().items() if name not in added_later}
    found = parse_recipe(older.key(), body)
    assert found == older
    assert found.resolved(card).key() == older.key()
