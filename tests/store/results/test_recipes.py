from app.contract.recipe import LATER, Recipe
from app.store.results.recipes import parsed
from tests.support import two_stream_card


def test_a_recipe_from_before_a_field_came_is_still_the_same_recipe() -> None:
    card = two_stream_card().model_copy(update={"normalised": True})
    older = Recipe(prior="pixel", step_size=0.17, **LATER).resolved(card)  # type: ignore[arg-type]
    body = {name: value for name, value in older.model_dump(mode="json").items() if name not in LATER}
    found = parsed(older.key(), body)
    assert found == older
    assert found.resolved(card).key() == older.key()
