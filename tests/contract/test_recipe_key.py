import hashlib
import json

from app.contract.recipe import ENGINE, LATER, Recipe


def test_fields_added_later_leave_the_keys_of_older_recipes_as_they_are() -> None:
    recipe = Recipe(seed=3)
    older = {name: value for name, value in recipe.model_dump(mode="json").items() if name not in LATER}
    body = json.dumps({"engine": ENGINE, **older}, sort_keys=True)
    assert recipe.key() == hashlib.sha256(body.encode()).hexdigest()
    assert recipe.model_copy(update={"settle": 0.01}).key() != recipe.key()


def test_stimuli_of_a_receptive_field_are_not_those_that_were_cached_for_the_whole_frame() -> None:
    recipe = Recipe(objective="center")
    body = {"engine": ENGINE, **recipe.model_dump(mode="json", exclude=set(LATER))}
    assert recipe.key() != hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
