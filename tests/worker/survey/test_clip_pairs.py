"""Clips whose names say that they are partners."""

from worker.survey.clip_groups import clip_group
from worker.survey.clip_pairs import ROLES, find_sets, pair_name


def test_whole_sets_are_found_and_others_left_out() -> None:
    names = [f"walk/{pair_name('b', role)}" for role in ROLES] + [pair_name("a", role) for role in ROLES]
    names += [pair_name("c", "base"), "walk-01"]
    assert find_sets(names) == [
        {"base": 4, "static": 5, "dynamic": 6, "neither": 7},
        {"base": 0, "static": 1, "dynamic": 2, "neither": 3},
    ]
    assert find_sets(["walk-01", "run-02"]) == []


def test_the_clips_of_a_set_are_one_group() -> None:
    assert {clip_group(f"walk/{pair_name('set-003', role)}") for role in ROLES} == {"set-003"}
