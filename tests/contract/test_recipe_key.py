import hashlib
import json

import pytest

from app.contract.recipe import ENGINE_VERSION, Recipe
from app.contract.recipe_defaults import BATCH_NORM_DEFAULTS, CENTER_DEFAULTS, DEFAULTS, LEGACY_VALUES
from app.contract.recipe_names import RENAMED_FIELDS
from tests.support import resolved, two_stream_card

ADDED_LATER = {RENAMED_FIELDS.get(name, name) for name in LEGACY_VALUES}  # as stored


def test_fields_added_later_leave_the_keys_of_older_recipes_as_they_are() -> None:
    recipe = resolved(seed=3).model_copy(update=dict(LEGACY_VALUES))
    older = {name: value for name, value in recipe.to_storage().items() if name not in ADDED_LATER}
    body = json.dumps({"engine": ENGINE_VERSION, **older}, sort_keys=True)
    assert recipe.key() == hashlib.sha256(body.encode()).hexdigest()
    for name, value in (
        ("tolerance", 0.01),
        ("bn_prior", 1.0),
        ("frame_equalization", 0.5),
        ("focus", 0.5),
        ("center_bias", 1.0),
        ("focus_map", "shared"),
        ("weight_decay_until", 0.9),
        ("time_weight", 200.0),
        ("time_path", "neutral"),
        ("motion_size", 0.5),
        ("survey_maxima", ""),
    ):
        assert recipe.model_copy(update={name: value}).key() != recipe.key()


@pytest.mark.parametrize(
    ("normalised", "objective", "own"),
    [
        (False, "channel", DEFAULTS),
        (True, "channel", BATCH_NORM_DEFAULTS),
        (False, "center", CENTER_DEFAULTS),
        (True, "center", CENTER_DEFAULTS),
    ],
)
def test_what_is_left_empty_is_the_networks_own(normalised: bool, objective: str, own: dict[str, object]) -> None:
    card = two_stream_card().model_copy(update={"normalised": normalised})
    recipe = Recipe(objective=objective).resolved(card)
    assert recipe.model_dump(include=set(own)) == own
    assert (recipe.size, recipe.frames) == (card.stimulus.height, card.stimulus.frames)
    chosen = Recipe(prior="fourier", bn_prior=0.5, frame_equalization=0.25, size=64, objective=objective).resolved(card)
    assert (chosen.prior, chosen.bn_prior, chosen.frame_equalization, chosen.size) == ("fourier", 0.5, 0.25, 64)


def test_a_hat_of_another_survey_is_another_recipe() -> None:
    card = two_stream_card()
    surveyed = card.model_copy(update={"survey_maxima": "5" * 64})
    before, after = Recipe().resolved(card), Recipe().resolved(surveyed)
    assert (before.survey_maxima, after.survey_maxima) == ("", "5" * 64)
    assert before.key() != after.key()
    assert before.resolved(surveyed).key() == before.key(), "a recipe that is resolved stays as it is"


def test_networks_without_batch_normalisation_keep_the_keys_of_their_results() -> None:
    card = two_stream_card()
    known = Recipe(
        prior="pixel",
        bn_prior=0,
        frame_equalization=0,
        focus=0,
        center_bias=0,
        steps=72,
        step_size=0.17,
        blur=8,
        size=card.stimulus.height,
        frames=card.stimulus.frames,
    )
    assert Recipe().resolved(card).key() == known.resolved(card).key()


def test_stimuli_of_a_receptive_field_are_not_those_that_were_cached_for_the_whole_frame() -> None:
    recipe = resolved(objective="center")
    body = {"engine": ENGINE_VERSION} | {
        name: value for name, value in recipe.to_storage().items() if name not in ADDED_LATER
    }
    assert recipe.key() != hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def test_at_one_position_shift_and_last_blur_are_in_proportion_to_the_receptive_field() -> None:
    card = two_stream_card()
    layer = card.layers[0]
    size, field = card.stimulus.height, max(layer.receptive_field.height, layer.receptive_field.width)
    assert field < size
    whole = resolved(jitter=64, blur=8, blur_end=2).in_pixels(card, layer.name)
    near = resolved(jitter=64, blur=8, blur_end=2, objective="center").in_pixels(card, layer.name)
    assert (whole.jitter, whole.blur, whole.blur_end) == (round(64 * size / 224), 8 * size / 224, 2 * size / 224)
    assert (near.jitter, near.blur, near.blur_end) == (round(64 * field / 224), 8 * size / 224, 2 * field / 224)
