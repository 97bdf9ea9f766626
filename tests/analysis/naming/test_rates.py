"""What answers come to: rates with intervals, and which answers count."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from app.analysis.naming.rates import first_exposures, make_report
from app.contract.interval import share_interval
from app.contract.naming import NamingRecord, NamingReport
from app.contract.recipe import Recipe
from tests.support import two_stream_card

CARD = two_stream_card()
RECIPES = {recipe.key(): recipe for seed in range(30) for recipe in [Recipe(seed=seed).resolved(CARD)]}
KEYS = {recipe.seed: key for key, recipe in RECIPES.items()}
START = datetime(2026, 1, 1, tzinfo=UTC)
_numbers = count(1)


def record(answer: int | None = 0, *, class_index: int = 0, recipe_seed: int = 0, **fields: Any) -> NamingRecord:
    """Return an answer to a stimulus, later than all before it."""
    number = next(_numbers)
    at = START + timedelta(seconds=number)
    body = {
        "session": "s",
        "owner": "anna",
        "network": "tiny",
        "shown": "both",
        "answers": "list",
        "naive": True,
        "feedback": False,
        "has_ended": True,
        "number": number,
        "visualization": 1,
        "class_index": class_index,
        "recipe_key": KEYS[recipe_seed],
        "recipe_seed": recipe_seed,
        "is_control": False,
        "seed": number,
        "issued_at": at,
        "answered_at": at,
        "answer": answer,
        "is_right": answer == class_index,
    }
    return NamingRecord.model_validate({**body, **fields})


def report(*records: NamingRecord) -> NamingReport:
    return make_report(records, first_exposures(records), {"tiny": CARD}, RECIPES)


def test_the_rate_has_wilsons_interval_chance_and_the_rate_of_controls() -> None:
    """Newcombe 1998, table I: 15 of 148 has the interval 0.0624 to 0.1605."""
    assert round(share_interval(15 / 148, 148).low, 4) == 0.0624
    answers = [record(0, recipe_seed=seed, owner=str(seed)) for seed in range(10)]
    answers += [record(1, recipe_seed=seed, owner=str(seed)) for seed in range(10, 20)]
    controls = [record(answer, is_control=True) for answer in (0, 1, 2, 3)]
    [network] = report(*answers, *controls).networks
    assert (network.named, network.answered, network.people, network.chance) == (10, 20, 21, 0.2)
    assert network.rate == share_interval(0.5, 20)
    assert (network.control_named, network.control_answered) == (1, 4)
    assert network.control_rate == share_interval(0.25, 4)


def test_a_result_counts_once_for_each_person_the_first_time() -> None:
    first = record(1)
    again = record(0)
    other_person = record(0, owner="ben")
    other_result = record(0, recipe_seed=1)
    made = report(again, first, other_person, other_result)
    assert made.repeated == 1
    [network] = made.networks
    assert (network.named, network.answered) == (2, 3)


def test_a_stimulus_that_was_left_without_an_answer_was_seen() -> None:
    left = record(None, answered_at=None, is_right=None, session="left", has_ended=False)
    assert report(left, record(0)).networks == ()


def test_answers_of_an_open_session_do_not_count_and_neither_do_words_without_a_verdict() -> None:
    assert report(record(0, has_ended=False)).networks == ()
    made = report(record(None, words="something", is_right=None))
    assert (made.unjudged, made.networks) == (1, ())


def test_noise_is_drawn_anew_for_each_control() -> None:
    [network] = report(record(0, is_control=True), record(1, is_control=True), record(0)).networks
    assert (network.control_answered, network.answered) == (2, 1)


def test_groups_by_class_recipe_and_seed_and_what_stimuli_were_taken_for() -> None:
    made = report(
        record(0),
        record(1, recipe_seed=1),
        record(1, recipe_seed=2),
        record(None, recipe_seed=3),
        record(1, class_index=1),
    )
    assert [(each.group, each.named, each.answered) for each in made.classes] == [("run", 1, 1), ("walk", 1, 4)]
    assert [(each.group, each.answered) for each in made.recipes] == [(KEYS[0], 5)]
    assert [(each.group, each.named, each.answered) for each in made.seeds] == [
        ("0", 2, 2),
        ("1", 0, 1),
        ("2", 0, 1),
        ("3", 0, 1),
    ]
    assert [(each.class_name, each.taken_for, each.count, each.of) for each in made.misnamings] == [
        ("walk", "run", 2, 4),
        ("walk", "", 1, 4),
    ]


def test_modes_are_kept_apart_and_free_words_have_no_chance() -> None:
    words = record(0, answers="free", owner="ben")
    picture = record(0, shown="picture", owner="carl")
    networks = report(record(0), words, picture).networks
    assert [(each.shown, each.answers, each.chance) for each in networks] == [
        ("both", "free", None),
        ("both", "list", 0.2),
        ("picture", "list", 0.2),
    ]
