"""When a patch of the picture is called the cause of errors, and what is said where it is not."""

from datetime import UTC, datetime

import pytest

from app.analysis.confusion_reasons import explain_confusion
from app.analysis.findings.data import SurveyData
from app.analysis.findings.idiosyncrasies import idiosyncrasies
from app.analysis.repairs import patch_verdict
from app.contract.findings import Finding, UnitStatistics, Verdict
from app.contract.repairs import Change, Outcome, RepairFacts
from app.contract.survey import Survey
from tests.evidence_support import facts
from tests.repair_support import MOST, class_repairs, effect, repair_facts
from tests.support import two_stream_card

CARD = two_stream_card()
CONFUSION = ((30, 12, 0, 0, 0), (0, 40, 0, 0, 0), (0, 0, 9, 0, 0), (0, 0, 0, 9, 0), (0, 0, 0, 9, 0))


def survey(repairs: RepairFacts | None) -> Survey:
    changed = dict(facts(5, confusion=CONFUSION, repairs=repairs))
    return Survey(id=1, network="tiny", dataset="little", created_at=datetime.now(UTC), **changed)


def finding(repairs: RepairFacts | None) -> Finding:
    measured = UnitStatistics(distributions={}, live=0, specific=0, generic=0)
    return idiosyncrasies(SurveyData(CARD, survey(repairs), measured))


def test_a_patch_that_repairs_and_causes_errors_is_the_cause() -> None:
    found = finding(repair_facts(class_repairs()))
    assert found.verdict is Verdict.SUPPORTED
    repaired, caused = found.claims
    assert repaired.sentence.startswith("Clips are taken for run because of a red patch low in the frame. ")
    assert (
        "27 of 30 versions of 10 errors are no longer taken for run (90%, interval 70% to 97%), and 20 are right"
        in (repaired.sentence)
    )
    assert (repaired.n, repaired.groups, repaired.effect, repaired.p_value) == (10, 10, MOST, 0.001)
    assert repaired.clips == ("walk-0", "walk-1")
    assert caused.control is not None
    assert "in the network with its weights shuffled 0%" in caused.sentence
    assert "No clip is taken for back/flip & turn: nothing can be said of what attracts clips there." in found.sentences


@pytest.mark.parametrize(
    ("repairs", "causes", "verdict"),
    [(True, False, Verdict.PARTLY), (False, True, Verdict.PARTLY), (False, False, Verdict.NOT_SUPPORTED)],
)
def test_a_patch_that_does_half_of_it_is_half_a_cause(repairs: bool, causes: bool, verdict: Verdict) -> None:
    assert patch_verdict(class_repairs(repairs=repairs, causes=causes), 1) is verdict
    assert finding(repair_facts(class_repairs(repairs=repairs, causes=causes))).verdict is verdict


def test_shams_control_and_correction_can_each_undo_it() -> None:
    whole = class_repairs()
    assert patch_verdict(whole, 1) is Verdict.SUPPORTED
    assert patch_verdict(whole, 60) is Verdict.NOT_SUPPORTED, "p = 0.001 for each of 60 classes"
    assert patch_verdict(whole.model_copy(update={"control_caused": MOST}), 1) is Verdict.PARTLY
    as_good_elsewhere = [
        effect(Change.PATCH, outcome, works=True).model_copy(update={"elsewhere": MOST})
        for outcome in (Outcome.REPAIRED, Outcome.CAUSED)
    ]
    assert patch_verdict(whole.model_copy(update={"effects": tuple(as_good_elsewhere)}), 1) is Verdict.NOT_SUPPORTED


def test_another_picture_alone_is_no_cause_beside_the_action() -> None:
    found = finding(repair_facts(class_repairs(has_patch=False)))
    assert found.verdict is Verdict.NOT_SUPPORTED
    assert any("the whole picture 27 of 30 (sham 0%)" in sentence for sentence in found.sentences)


@pytest.mark.parametrize(
    ("repairs", "words"),
    [
        (None, "was not measured in this survey"),
        (repair_facts(accuracy=0.06, accuracy_p=0.28), "recognises 6% of the clips, which chance may give as well"),
        (repair_facts(most_errors=3), "No class attracts the 5 independent errors that are needed"),
        (
            repair_facts(class_repairs(has_patch=False).model_copy(update={"patch_searched": False, "studied": 5})),
            "8 independent ones are needed",
        ),
    ],
)
def test_what_cannot_be_told_says_what_is_needed(repairs: RepairFacts | None, words: str) -> None:
    found = finding(repairs)
    assert found.verdict is Verdict.CANNOT_BE_TOLD
    [claim] = found.claims
    assert words in claim.sentence


def test_the_reasons_of_a_pair_name_the_patch_first() -> None:
    sentences = explain_confusion(CARD, survey(repair_facts(class_repairs())), 0, 1, ())
    assert sentences[0].startswith(
        "walk is taken for run because of a red patch low in the frame. A red patch low in the frame is in 100% of the "
        "errors taken for run and in 10% of the recognised clips of the same classes. Replaced in 4 errors of walk, 11 "
        "of 12 versions are no longer taken for run and 9 are right"
    )
    turned = explain_confusion(CARD, survey(repair_facts(class_repairs())), 1, 0, ())
    assert turned[0] == sentences[0]
    [nothing] = explain_confusion(CARD, survey(repair_facts(class_repairs(has_patch=False))), 0, 1, ())
    assert nothing.startswith("walk taken for run: Nowhere in the frame do the pictures of the errors")
    unproven, *_ = explain_confusion(CARD, survey(repair_facts(class_repairs(causes=False))), 0, 1, ())
    assert "It is not shown to cause them" in unproven
