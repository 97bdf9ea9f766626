import pytest

from app.contract.errors import UnknownClip
from app.store import datasets
from app.store.database.engine import Store
from app.store.surveys import predictions, writing
from tests import evidence_support
from tests.evidence_support import add_dataset, every_unit, survey
from tests.support import two_stream_card

CARD = two_stream_card()
WALK, RUN = 0, 1


@pytest.fixture
def little(tiny: Store) -> Store:
    add_dataset(tiny)
    return tiny


def test_nothing_is_seen_before_the_survey_is_whole(little: Store) -> None:
    with little.transaction() as session:
        begun = writing.begin_survey(session, network="tiny", dataset="little")
        writing.save_unit_evidence(session, survey_id=begun, units=every_unit(CARD))
        writing.save_predictions(session, survey_id=begun, predictions=evidence_support.new_predictions())
    with little.session() as session:
        clip = datasets.get_clip(session, slug="little", name="run-1")
        assert predictions.list_predictions(session, card=CARD).total == 0
        assert predictions.predictions_by_clip(session, clips=[clip.id]) == {}


def test_the_clips_of_one_class_that_are_taken_for_another_the_surest_first(little: Store) -> None:
    survey(little)
    with little.session() as session:
        found = predictions.list_predictions(session, card=CARD, label=RUN, predicted=WALK)
        assert predictions.list_predictions(session, card=CARD, label=WALK, predicted=RUN).items == ()
        wrong = predictions.list_predictions(session, card=CARD, wrong=True, per_page=4)
        rest = predictions.list_predictions(session, card=CARD, wrong=True, per_page=4, page=2)
    assert [each.clip.name for each in found.items] == ["run-2", "run-1", "run-0"]
    first = found.items[0].answer
    assert (first.network, first.label, first.predicted, first.is_right) == ("tiny", "run", "walk", False)
    assert (first.probability, first.label_probability) == (0.71875, 0.125)
    assert found.items[0].clip.media
    assert (wrong.total, wrong.next, rest.next) == (6, 2, None)
    assert {each.answer.label for each in (*wrong.items, *rest.items)} == {"run", "wave slow"}


def test_what_every_network_takes_a_clip_for(little: Store) -> None:
    survey(little)
    add_dataset(little, "other")
    survey(little, dataset="other")
    with little.session() as session:
        one, other = (datasets.get_clip(session, slug=slug, name="walk-0") for slug in ("little", "other"))
        found = predictions.predictions_by_clip(session, clips=[one.id, other.id])
    assert [[each.predicted for each in found[clip.id]] for clip in (one, other)] == [["walk"], ["walk"]]
    with little.transaction() as session:
        datasets.remove_dataset(session, slug="little")
    with little.session() as session:
        assert set(predictions.predictions_by_clip(session, clips=[one.id, other.id])) == {other.id}


def test_an_answer_about_a_clip_that_is_not_there(little: Store) -> None:
    [first, *_] = evidence_support.new_predictions()
    with little.transaction() as session:
        begun = writing.begin_survey(session, network="tiny", dataset="little")
    with pytest.raises(UnknownClip, match="walk-9"), little.transaction() as session:
        writing.save_predictions(session, survey_id=begun, predictions=[first.model_copy(update={"clip": "walk-9"})])
