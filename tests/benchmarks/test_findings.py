"""The checks of the benchmark of findings, on made-up claims: each can fail."""

from collections import Counter

import numpy as np
import pytest

from app.contract.findings import Claim, NamedPair, Verdict
from app.contract.interval import Interval
from benchmarks.findings import CHECKS, Found, planted
from benchmarks.findings_scenarios import SCENARIOS, duplicate, shuffle_labels
from tests.claim_support import make_claim, make_findings_of
from worker.networks.families.mocap_classes import APPEARANCE_PAIR, BIASED_CLASS, BINDING_PAIR, SPEED_PAIR
from worker.survey.prefetch import Sample

SAMPLES = [
    Sample(f"clip-{number}", "ab"[number % 2], lambda count: np.zeros((count, 1, 1, 3), np.uint8), None)
    for number in range(20)
]


def found(*claims: Claim, suspects: tuple[str, ...] = (), **pairs: tuple[str, str]) -> Found:
    [fusion] = make_findings_of(*claims).findings
    named = {name: (NamedPair(first=first, second=second, words=""),) for name, (first, second) in pairs.items()}
    failures = fusion.model_copy(update={"name": "idiosyncrasies", "claims": (), "suspects": suspects})
    return Found({"fusion": fusion.model_copy(update=named), "idiosyncrasies": failures})


WHOLE = found(
    make_claim(), together=BINDING_PAIR, appearance=APPEARANCE_PAIR, motion=SPEED_PAIR, suspects=(BIASED_CLASS,)
)
NONE = found(make_claim(verdict=Verdict.NOT_SUPPORTED))
WIDE, NARROW = Interval(value=0.4, low=0.2, high=0.6), Interval(value=0.4, low=0.35, high=0.45)


def failures(scenario: str, now: Found, plain: Found = WHOLE) -> int:
    checks = CHECKS[scenario](now, plain)
    assert checks
    return sum(not check.holds for check in checks)


def test_planted_facts_are_missed_where_they_are_not_found() -> None:
    assert all(planted(WHOLE).values())
    assert not any(planted(NONE).values())
    assert failures("default", WHOLE) == 0
    assert failures("default", NONE) == 4
    assert failures("control", WHOLE) == 2
    assert failures("control", NONE) == 0
    by_chance = make_claim(effect=Interval(value=0.1, low=-0.1, high=0.2))
    assert failures("default", found(by_chance)) == 5, "its interval holds chance"


@pytest.mark.parametrize("scenario", ["random", "labels", "no-motion", "only-motion"])
def test_a_verdict_that_cannot_fail_fails_the_check(scenario: str) -> None:
    assert failures(scenario, WHOLE) == 1
    assert failures(scenario, found(make_claim(verdict=Verdict.PARTLY))) == 1
    assert failures(scenario, NONE) == 0


def test_other_clips_must_give_the_same_verdict() -> None:
    assert failures("held-out", WHOLE) == 0
    assert failures("held-out", NONE) == 1


def test_copies_of_clips_must_not_count() -> None:
    before = found(make_claim(effect=WIDE, groups=20))
    assert failures("duplicates", before, before) == 0
    assert failures("duplicates", found(make_claim(effect=NARROW, groups=40)), before) == 2
    assert failures("duplicates-untold", before) == 1
    before.limits = ("Each clip counts as independent.",)
    assert failures("duplicates-untold", before) == 0


def test_clips_of_the_scenarios() -> None:
    assert {scenario.name for scenario in SCENARIOS} == CHECKS.keys()
    shuffled = shuffle_labels(SAMPLES)
    assert Counter(sample.label for sample in shuffled) == Counter(sample.label for sample in SAMPLES)
    assert [sample.label for sample in shuffled] != [sample.label for sample in SAMPLES]
    told, untold = duplicate(SAMPLES, tell_groups=True), duplicate(SAMPLES, tell_groups=False)
    assert len({sample.name for sample in told}) == 40
    assert len({sample.group for sample in told}) == 20
    assert {sample.group for sample in untold} == {None}
