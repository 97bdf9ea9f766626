"""The fields that say what is maximized: their spellings, keys and errors."""

import pytest
from pydantic import ValidationError

from app.contract.errors import InvalidRecipe
from app.contract.recipe import Recipe, ResolvedRecipe
from tests.support import resolved, two_stream_card
from tests.web.conftest import clip_card


@pytest.mark.parametrize("written", ["1,2,3", " 1, 2 ,3", [1, 2, 3], (1, 2, 3), ["1", 2, "3"]])
def test_a_position_is_text_or_three_numbers(written: object) -> None:
    recipe = Recipe.model_validate({"objective": "position", "position": written})
    assert recipe.position == (1, 2, 3)
    stored = recipe.resolved(two_stream_card()).to_storage()
    assert stored["position"] == [1, 2, 3]
    assert ResolvedRecipe.from_storage(stored).position == (1, 2, 3)


@pytest.mark.parametrize("written", ["1,2", "a,b,c", "", "-1,2,3", [1, 2, 3, 4], 7, "1.5,2,3"])
def test_other_positions_are_refused_with_an_example(written: object) -> None:
    with pytest.raises(ValidationError, match="three numbers from 0 on, such as 1,3,4"):
        Recipe.model_validate({"position": written})


def test_units_to_subtract_have_one_key_however_they_are_written() -> None:
    keys = {resolved(minus=written).key() for written in ("3,17", "17,3", [17, 3, 3], (3, "17"))}
    assert len(keys) == 1
    assert len({*keys, resolved().key(), resolved(minus="others").key(), resolved(minus="3").key()}) == 4
    with pytest.raises(ValidationError, match="such as 3 or 3,17, or `others`"):
        Recipe(minus="other")


def test_one_position_has_the_defaults_of_the_central_one() -> None:
    place, center = resolved(objective="position", position="0,1,1"), resolved(objective="center")
    assert (place.steps, place.bound, place.blur) == (center.steps, center.bound, center.blur)
    assert place.key() != center.key()


@pytest.mark.parametrize(
    ("fields", "units", "words"),
    [
        ({"position": "0,0,0"}, [0], "`position` is for the objective `position`"),
        ({"objective": "position"}, [0], "frame, row and column of the map of Mixed_4f, 0,0,0 to 3,7,7"),
        ({"objective": "position", "position": "0,8,0"}, [0], "no position 0,8,0 .* 4 x 8 x 8 positions"),
        ({"minus": "70"}, [0], "`minus` names unit 70, and the units of Mixed_4f are 0 to 69"),
        ({"minus": "4"}, [3, 4], "Nothing is left to subtract from unit 4 of Mixed_4f"),
    ],
)
def test_what_a_layer_does_not_have_is_told(fields: dict[str, object], units: list[int], words: str) -> None:
    card = clip_card()
    with pytest.raises(InvalidRecipe, match=words):
        Recipe.model_validate(fields).resolved(card).require_fit(card, "Mixed_4f", units)
    Recipe.model_validate({"minus": "4"}).resolved(card).require_fit(card, "Mixed_4f", [3, 5])
    larger = Recipe.model_validate({"objective": "position", "position": "0,8,0", "size": 64})
    larger.resolved(card).require_fit(card, "Mixed_4f")
