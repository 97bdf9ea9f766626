import pytest

from app.contract.errors import Conflict, Missing, UnknownClip, UnknownNetwork
from app.contract.network import NetworkCard
from app.contract.survey import Survey
from app.contract.unit import UnitRole
from app.store import datasets
from app.store.catalog.networks import get_card
from app.store.catalog.units import get_unit
from app.store.database.engine import Store
from app.store.results import visualizations
from app.store.surveys import classes, evidence, writing
from tests.evidence_support import add_dataset, every_unit, facts, new_predictions, survey, unit_evidence
from tests.support import claim, enqueue, finish, two_stream_card

CARD: NetworkCard = two_stream_card()
CLASSES = len(CARD.classes)


@pytest.fixture
def little(tiny: Store) -> Store:
    add_dataset(tiny)
    return tiny


def test_a_survey_is_seen_only_when_whole(little: Store) -> None:
    with little.transaction() as session:
        begun = writing.begin_survey(session, network="tiny", dataset="little")
        writing.save_unit_evidence(session, survey_id=begun, units=every_unit(CARD))
        writing.save_predictions(session, survey_id=begun, predictions=new_predictions())
    with little.session() as session:
        assert evidence.get_survey(session, card=get_card(session, slug="tiny")) is None
        assert evidence.list_surveys(session) == []
        assert evidence.get_evidence(session, card=get_card(session, slug="tiny"), layer="fc6", unit=3) is None
        assert get_unit(session, card=get_card(session, slug="tiny"), layer="fc6", unit=3).a_hat is None
    with little.transaction() as session:
        writing.finish_survey(session, survey_id=begun, facts=facts(CLASSES))
    with little.session() as session:
        found = evidence.get_survey(session, card=get_card(session, slug="tiny"), dataset="little")
        assert found == evidence.get_survey(session, card=get_card(session, slug="tiny"))
        [listed] = evidence.list_surveys(session, card=get_card(session, slug="tiny"), dataset="little")
        unit = get_unit(session, card=get_card(session, slug="tiny"), layer="fc6", unit=3)
    assert found is not None
    assert found == Survey(
        id=begun, network="tiny", dataset="little", created_at=found.created_at, **dict(facts(CLASSES))
    )
    assert (listed.id, listed.skipped, listed.accuracy) == (begun, 1, 0.75)
    assert (unit.a_hat, unit.role, unit.effective_classes) == (5.0, UnitRole.SPECIFIC, 1.3)


def test_what_was_saved_of_a_unit_comes_back(little: Store) -> None:
    survey(little)
    with little.session() as session:
        found = evidence.get_evidence(session, card=get_card(session, slug="tiny"), layer="motion.conv1", unit=4)
    assert found == unit_evidence("motion.conv1", 4, CLASSES, precision=found.precision if found else ())
    assert found.precision == pytest.approx(unit_evidence("motion.conv1", 4, CLASSES).precision)


def test_a_unit_without_tunings_or_streams_to_fuse(little: Store) -> None:
    survey(little, change=lambda layer, unit: {"synergy": None, "speed": None, "direction": None, "alike": ()})
    with little.session() as session:
        found = evidence.get_evidence(session, card=get_card(session, slug="tiny"), layer="fc6", unit=0)
        assert evidence.measure_by_layer(session, card=get_card(session, slug="tiny"), measure="speed_octaves") == {}
    assert found is not None
    assert (found.synergy, found.speed, found.direction, found.correlated_units) == (None, None, None, ())


def test_the_newest_whole_survey_replaces_the_former_and_one_that_was_left_is_dropped(little: Store) -> None:
    first = survey(little)
    with little.transaction() as session:
        left = writing.begin_survey(session, network="tiny", dataset="little")
        writing.save_unit_evidence(session, survey_id=left, units=[unit_evidence("fc6", 0, CLASSES)])
    with little.session() as session:
        assert [found.id for found in evidence.list_surveys(session)] == [first]
    second = survey(little, change=lambda layer, unit: {"a_hat": 8.0})
    with little.session() as session:
        assert [found.id for found in evidence.list_surveys(session)] == [second]
        assert get_unit(session, card=get_card(session, slug="tiny"), layer="fc6", unit=0).a_hat == 8.0
    with pytest.raises(Missing, match="another one took its place"), little.transaction() as session:
        writing.save_unit_evidence(session, survey_id=left, units=[unit_evidence("fc6", 1, CLASSES)])


def test_surveys_with_two_sets_stand_beside_each_other_and_pages_speak_of_the_newer(little: Store) -> None:
    add_dataset(little, "other")
    survey(little)
    survey(little, dataset="other", change=lambda layer, unit: {"a_hat": 8.0})
    with little.session() as session:
        assert [found.dataset for found in evidence.list_surveys(session, card=get_card(session, slug="tiny"))] == [
            "other",
            "little",
        ]
        newest = evidence.get_survey(session, card=get_card(session, slug="tiny"))
        unit = evidence.get_evidence(session, card=get_card(session, slug="tiny"), layer="fc6", unit=0)
    assert newest is not None
    assert unit is not None
    assert (newest.dataset, unit.a_hat) == ("other", 8.0)
    with little.transaction() as session:
        datasets.remove_dataset(session, slug="other")
    with little.session() as session:
        assert get_unit(session, card=get_card(session, slug="tiny"), layer="fc6", unit=0).a_hat == 2.0


def test_a_survey_that_misses_units_is_not_published(little: Store) -> None:
    with little.transaction() as session:
        begun = writing.begin_survey(session, network="tiny", dataset="little")
        writing.save_unit_evidence(session, survey_id=begun, units=list(every_unit(CARD))[:-1])
    with pytest.raises(Conflict, match="34 of 35 units"), little.transaction() as session:
        writing.finish_survey(session, survey_id=begun, facts=facts(CLASSES))
    with little.transaction() as session:
        writing.abandon_survey(session, survey_id=begun)
    with pytest.raises(Missing), little.transaction() as session:
        writing.finish_survey(session, survey_id=begun, facts=facts(CLASSES))


def test_a_survey_of_what_is_not_there(little: Store) -> None:
    with pytest.raises(UnknownNetwork), little.transaction() as session:
        writing.begin_survey(session, network="tyni", dataset="little")
    top = unit_evidence("fc6", 0, CLASSES).top_clips[0].model_copy(update={"clip": "walk-9"})
    with little.transaction() as session:
        begun = writing.begin_survey(session, network="tiny", dataset="little")
    with pytest.raises(UnknownClip, match="walk-9"), little.transaction() as session:
        writing.save_unit_evidence(session, survey_id=begun, units=[unit_evidence("fc6", 0, CLASSES, top_clips=(top,))])


def test_reach_follows_results_and_surveys_whichever_comes_first(little: Store) -> None:
    def reaches() -> list[float | None]:
        with little.session() as session:
            unit = get_unit(session, card=get_card(session, slug="tiny"), layer="class", unit=2)
            [shown, *_] = visualizations.visualizations_of_unit(
                session, card=get_card(session, slug="tiny"), layer="class", unit=2
            )
        return [unit.reach, shown.measurements.reach]

    enqueue(little, 2)
    finish(little, claim(little)[0])  # activation 3.5
    assert reaches() == [None, None]
    survey(little)  # a_hat of unit 2 is 4
    assert reaches() == [3.5 / 4, 3.5 / 4]
    survey(little, change=lambda layer, unit: {"a_hat": 7.0})
    assert reaches() == [0.5, 0.5]
    enqueue(little, 3)
    finish(little, claim(little)[0])
    with little.session() as session:
        assert get_unit(session, card=get_card(session, slug="tiny"), layer="class", unit=3).reach == 0.5
    survey(little, change=lambda layer, unit: {"a_hat": 0.0, "role": UnitRole.DEAD})
    assert reaches() == [None, None]


def test_the_units_that_a_class_and_a_clip_excite_most(little: Store) -> None:
    survey(little)
    with little.session() as session:
        by_layer = classes.best_units_by_layer(session, card=get_card(session, slug="tiny"), class_index=1, limit=2)
        clip = datasets.get_clip(session, slug="little", name="run-1")
        excited = evidence.units_of_clip(session, clip_id=clip.id, limit=3)
    of_layer = by_layer["fc6"]
    assert [(each.unit.layer, each.unit.index) for each in of_layer] == [("fc6", 6), ("fc6", 1)]
    assert (of_layer[0].precision, of_layer[0].response) == (0.84375, 0.5)
    assert [(each.unit.layer, each.unit.index, each.rank) for each in excited] == [("class", n, 1) for n in range(3)]


def test_a_dead_unit_serves_no_class(little: Store) -> None:
    survey(little, change=lambda layer, unit: {"role": UnitRole.DEAD} if layer == "fc6" else {})
    with little.session() as session:
        by_layer = classes.best_units_by_layer(session, card=get_card(session, slug="tiny"), class_index=1, limit=2)
    assert "class" in by_layer
    assert "fc6" not in by_layer


def test_measures_by_layer(little: Store) -> None:
    survey(little)
    with little.session() as session:
        measures = evidence.measure_by_layer(session, card=get_card(session, slug="tiny"), measure="effective_classes")
    assert list(measures) == [layer.name for layer in CARD.layers]
    assert measures["class"] == pytest.approx((1.0, 1.1, 1.2, 1.3, 1.4))


def test_measures_by_layer_are_of_live_units(little: Store) -> None:
    dead = {"a_hat": 0.0, "role": UnitRole.DEAD, "effective_classes": 0.0}
    survey(little, change=lambda layer, unit: dead if layer == "fc6" and unit > 1 else {})
    with little.session() as session:
        measures = evidence.measure_by_layer(session, card=get_card(session, slug="tiny"), measure="effective_classes")
    assert measures["fc6"] == pytest.approx((1.0, 1.1))


def test_a_survey_that_misses_answers_is_not_published(little: Store) -> None:
    with little.transaction() as session:
        begun = writing.begin_survey(session, network="tiny", dataset="little")
        writing.save_unit_evidence(session, survey_id=begun, units=every_unit(CARD))
        writing.save_predictions(session, survey_id=begun, predictions=list(new_predictions())[1:])
    with pytest.raises(Conflict, match="8 of 9 clips"), little.transaction() as session:
        writing.finish_survey(session, survey_id=begun, facts=facts(CLASSES))
