"""Which trials a session has."""

from collections import Counter

import pytest

from app.analysis.naming.plan import ClassResult, choose_results, plan_trials
from app.contract.naming import NamingRequest, parse_seeds
from app.contract.recipe import Recipe, ResolvedRecipe, Speed
from tests.support import two_stream_card

CARD = two_stream_card()


def results(*, classes: int = 5, seeds: int = 4) -> list[ClassResult]:
    recipes = [Recipe(seed=seed).resolved(CARD) for seed in range(seeds)]
    return [
        ClassResult(10 * index + recipe.seed, index, recipe.key(), recipe)
        for recipe in recipes
        for index in range(classes)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_each_class_comes_equally_often_and_no_result_twice(seed: int) -> None:
    planned = plan_trials(results(), seen=(), trials=20, controls=0.25, seed=seed)
    stimuli = [each for each in planned if not each.is_control]
    controls = [each for each in planned if each.is_control]
    assert (len(stimuli), len(controls)) == (15, 5)
    assert set(Counter(each.class_index for each in stimuli).values()) == {3}
    assert set(Counter(each.class_index for each in controls).values()) == {1}
    assert len({each.visualization for each in stimuli}) == 15
    assert {each.visualization for each in controls} <= {each.visualization for each in stimuli}


def test_the_same_seed_plans_the_same_trials_and_another_one_others() -> None:
    first, again, other = (plan_trials(results(), seen=(), trials=10, controls=0.2, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_class_with_few_results_does_not_hold_up_the_others() -> None:
    few = [each for each in results() if each.class_index or not each.recipe.seed]
    planned = plan_trials(few, seen=(), trials=13, controls=0, seed=3)
    assert Counter(each.class_index for each in planned) == {0: 1, 1: 3, 2: 3, 3: 3, 4: 3}


def test_controls_keep_their_share_where_fewer_results_are_stored() -> None:
    planned = plan_trials(results(seeds=2), seen=(), trials=100, controls=0.2, seed=0)
    assert Counter(each.is_control for each in planned) == {False: 10, True: 2}
    assert len(plan_trials(results(), seen=(), trials=1, controls=0.5, seed=0)) == 1


def test_what_the_person_has_not_seen_comes_first() -> None:
    seen = {(each.class_index, each.recipe_key) for each in results() if each.recipe.seed < 3}
    planned = plan_trials(results(), seen=seen, trials=5, controls=0, seed=0)
    assert {each.recipe_seed for each in planned} == {3}


def test_results_are_chosen_by_recipe_speed_and_seed() -> None:
    def result(recipe: ResolvedRecipe) -> ClassResult:
        return ClassResult(1, 0, recipe.key(), recipe)

    surveyed = Recipe(seed=1).resolved(CARD).model_copy(update={"survey_maxima": "a" * 64})
    slow, odd = Recipe(speed=Speed.SLOW).resolved(CARD), Recipe(kappa=2).resolved(CARD)
    lowering = Recipe(sign="minimize").resolved(CARD)
    stored = [result(each) for each in (surveyed, slow, odd, lowering)]

    def chosen(**fields: object) -> list[ResolvedRecipe]:
        request = NamingRequest.model_validate({"network": "tiny", "naive": True, **fields})
        return [each.recipe for each in choose_results(stored, CARD, request)]

    assert chosen() == [surveyed, slow]
    assert chosen(recipe="any") == [surveyed, slow, odd]
    assert chosen(speed="slow") == [slow]
    assert chosen(seeds="1") == [surveyed]


def test_seeds_are_written_as_a_list_of_ranges() -> None:
    assert parse_seeds(" 0-2, 7 5") == (0, 1, 2, 5, 7)
    assert parse_seeds("") is None
    for wrong in ("a", "3-1", "0-1000", "-1", "1.5"):
        with pytest.raises(ValueError, match="write seeds as"):
            parse_seeds(wrong)
