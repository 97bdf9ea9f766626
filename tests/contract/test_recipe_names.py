"""Fields that have another name than in version 0.1: keys and stored results keep the old one, both are accepted."""

import json

import pytest
from pydantic import ValidationError

from app.contract.job import VisualizeRequest
from app.contract.recipe import Recipe, ResolvedRecipe
from app.contract.recipe_names import RENAMED_FIELDS
from tests.support import two_stream_card

OLD = {"settle": 0.01, "forget": 0.12, "forget_until": 0.9, "nature": 2.0, "even": 0.5, "middle": 2.0}
STILL_SCENE = {"speed": "slow", "steps": 216, "nature": 2, "blur": 12, "blur_end": 3, "forget": 0.12}
STILL_SCENE |= {"forget_until": 0.9, "contrast": 0}


@pytest.mark.parametrize(
    ("fields", "normalised", "key"),  # keys as version 0.1 gave them
    [
        ({}, False, "106886638b5b5ad5115878febb34536a225e4f091722dd47e25e4bbdd7e82dd5"),
        ({}, True, "b1df4fdefbb6480bcd62ac801150eec59d33c2e2e55a3680940d931091f6b877"),
        ({"objective": "center"}, True, "f37dcbafc3f06f5e68827ba8fd581d83376675af1242c45551fdfc6357bbfd39"),
        (STILL_SCENE, True, "d0c170cd3b2568ade71f8789d444781bd24a3d348345b2bf55d5f1b148e2cfa6"),
        (
            {"settle": 0.01, "even": 0.5, "middle": 2, "seed": 7},
            False,
            "cee5a44eea22a6cee794a13e37f1e4032986c8e42e35f0c8d7a6ecab36b6fa42",
        ),
        (
            {"objective": "center", "settle": 0.02, "forget": 0},
            False,
            "2b20aba38519c436f8b4f72c7da9c798eb4f52e3a7563f72fe7752f110af5520",
        ),
    ],
)
def test_keys_of_stored_results_stay(fields: dict[str, object], normalised: bool, key: str) -> None:
    card = two_stream_card().model_copy(update={"normalised": normalised})
    stored = Recipe.model_validate(fields).resolved(card).to_storage()
    added_later = ("time_weight", "time_path", "motion_size", "survey_maxima")
    older = {name: value for name, value in stored.items() if name not in added_later}
    assert ResolvedRecipe.from_storage(older).key() == key


def test_old_and_current_names_give_the_same_recipe() -> None:
    current = {name: OLD[old_name] for name, old_name in RENAMED_FIELDS.items()}
    recipe = Recipe.model_validate(current)
    assert Recipe.model_validate(OLD) == Recipe.model_validate({**OLD, **current}) == recipe
    assert recipe.weight_decay == 0.12


def test_json_has_both_names_and_can_be_sent_back_as_it_is() -> None:
    for recipe in (Recipe.model_validate(OLD), Recipe.model_validate(OLD).resolved(two_stream_card())):
        body = json.loads(recipe.model_dump_json())
        assert {name: body[name] for name in OLD} == OLD
        assert {old_name: body[name] for name, old_name in RENAMED_FIELDS.items()} == OLD
        assert type(recipe).model_validate(body) == recipe


def test_two_values_for_one_field_are_refused() -> None:
    with pytest.raises(ValidationError, match="`forget` is the old name of `weight_decay`: give one of them"):
        Recipe.model_validate({"forget": 0.1, "weight_decay": 0.2})
    with pytest.raises(ValidationError, match="`nature` is the old name of `bn_prior`"):
        VisualizeRequest.model_validate(
            {"network": "tiny", "layer": "class", "units": [0], "recipe": {"nature": 1, "bn_prior": None}}
        )


def test_recipes_are_stored_under_the_names_that_their_keys_are_hashed_from() -> None:
    recipe = Recipe.model_validate(OLD).resolved(two_stream_card())
    stored = recipe.to_storage()
    assert {name: stored[name] for name in OLD} == OLD
    assert not stored.keys() & RENAMED_FIELDS.keys()
    assert ResolvedRecipe.from_storage(stored) == recipe


def test_the_schema_describes_old_names_only_where_they_are_written() -> None:
    written = ResolvedRecipe.model_json_schema(mode="serialization")["properties"]
    assert written["forget"] == {
        **written["weight_decay"],
        "description": "Old name of `weight_decay`.",
        "deprecated": True,
    }
    assert set(Recipe.model_json_schema(mode="validation")["properties"]) == set(Recipe.model_fields)
