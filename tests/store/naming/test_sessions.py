"""Sessions in the database: from the stored stimuli to the answers."""

from typing import Any

import pytest
from sqlalchemy import delete

from app.contract.errors import Conflict, InvalidRequest, Missing, NoClasses, TooMany, UnknownClass
from app.contract.naming import Guess, NamingRequest, NamingSession, NamingTrial, SessionState
from app.contract.network import NetworkCard
from app.store.catalog import networks
from app.store.database.engine import Store
from app.store.database.tables import VisualizationRow
from app.store.naming import records, sessions, trials
from app.store.naming.sessions import Participant
from tests.support import add_card, claim, encoder_card, enqueue, finish, two_stream_card

ANNA = Participant("anna", "ip-here")


@pytest.fixture
def card(store: Store) -> NetworkCard:
    """Return the card of a network whose five classes have one stimulus each."""
    card = two_stream_card()
    add_card(store, card)
    enqueue(store, *range(5), speed="medium")
    for job in claim(store, limit=5):
        finish(store, job)
    return card


def start(store: Store, participant: Participant = ANNA, **fields: Any) -> NamingSession:
    request = NamingRequest.model_validate({"network": "tiny", "naive": True, "controls": 0, **fields})
    with store.transaction() as session:
        return sessions.create_session(session, request=request, participant=participant, seed=1)


def answer(store: Store, card: NetworkCard, started: NamingSession, number: int, **guess: Any) -> NamingTrial:
    with store.transaction() as session:
        return trials.answer_trial(session, session_id=started.id, card=card, guess=Guess(trial=number, **guess))


def test_a_session_is_answered_to_its_end(store: Store, card: NetworkCard) -> None:
    started = start(store)
    assert (started.trials, started.answered, started.state) == (5, 0, SessionState.OPEN)
    with store.session() as session:
        planned = trials.list_trials(session, session_id=started.id)
    assert sorted(each.class_index for each in planned) == [0, 1, 2, 3, 4]
    assert [each.issued_at is not None for each in planned] == [True, False, False, False, False]
    right = answer(store, card, started, 1, name=card.classes[planned[0].class_index], seconds=0)
    assert (right.is_right, right.seconds) == (True, 0)
    other = (planned[1].class_index + 1) % 5
    assert answer(store, card, started, 2, name=card.classes[other]).is_right is False
    for number in (3, 4, 5):
        assert answer(store, card, started, number).is_right is False  # "I cannot name it"
    with store.session() as session:
        ended = sessions.get_session(session, session_id=started.id)
        [listed] = sessions.list_sessions(session, owners={"anna"})
        exposures = records.read_records(session, owner="anna")
        assert sessions.list_sessions(session, owners={"ben"}) == []
    assert listed == ended
    assert (ended.state, ended.answered, ended.ended_at is not None) == (SessionState.DONE, 5, True)
    assert [(each.number, each.is_right, each.has_ended) for each in exposures] == [
        (1, True, True),
        *((number, False, True) for number in (2, 3, 4, 5)),
    ]
    with pytest.raises(Conflict, match="ended"):
        answer(store, card, started, 5)


def test_what_is_wrong_with_an_answer_is_said(store: Store, card: NetworkCard) -> None:
    started = start(store)
    with pytest.raises(UnknownClass, match="Near: walk"):
        answer(store, card, started, 1, name="walking")
    with pytest.raises(InvalidRequest, match="chosen from the list"):
        answer(store, card, started, 1, words="walk")
    with pytest.raises(Conflict, match="not been shown yet: answer trial 1 first"):
        answer(store, card, started, 2)
    with pytest.raises(Missing, match="no trial 6"):
        answer(store, card, started, 6)
    answer(store, card, started, 1)
    with pytest.raises(Conflict, match="has been answered"):
        answer(store, card, started, 1)
    with pytest.raises(Missing, match="no session 'nowhere'"), store.transaction() as session:
        trials.answer_trial(session, session_id="nowhere", card=card, guess=Guess(trial=1))


def test_free_words_are_matched_or_judged(store: Store, card: NetworkCard) -> None:
    started = start(store, answers="free", trials=2)
    with store.session() as session:
        first, second = trials.list_trials(session, session_id=started.id)
    with pytest.raises(InvalidRequest, match="free words"):
        answer(store, card, started, 1, name="walk")
    matched = answer(store, card, started, 1, words=f" {card.classes[first.class_index].upper()} ")
    assert (matched.answer, matched.is_right, matched.waits_for_judgement) == (first.class_index, True, False)
    assert answer(store, card, started, 2, words="a blue thing").waits_for_judgement
    with pytest.raises(Conflict, match="nothing to judge about trial 1"), store.transaction() as session:
        trials.judge_trials(session, session_id=started.id, verdicts={1: False, 2: True})
    with store.transaction() as session:
        trials.judge_trials(session, session_id=started.id, verdicts={second.number: True})
    with store.session() as session:
        assert trials.get_trial(session, session_id=started.id, number=2).is_right is True


def test_an_abandoned_session_takes_no_more_and_its_stimuli_come_last(store: Store, card: NetworkCard) -> None:
    started = start(store)
    with store.session() as session:
        shown = trials.get_trial(session, session_id=started.id, number=1)
    with store.transaction() as session:
        sessions.abandon_session(session, session_id=started.id)
    with pytest.raises(Conflict, match="ended"):
        answer(store, card, started, 1)
    enqueue(store, shown.class_index, speed="medium", seed=1)
    [job] = claim(store)
    finish(store, job)
    with store.session() as session:
        next_one = trials.list_trials(session, session_id=start(store, trials=5).id)
    assert {each.recipe_seed for each in next_one if each.class_index == shown.class_index} == {1}


def test_answers_outlive_their_result_but_not_their_network(store: Store, card: NetworkCard) -> None:
    started = start(store)
    answer(store, card, started, 1)
    with store.transaction() as session:
        session.execute(delete(VisualizationRow))
        first = trials.get_trial(session, session_id=started.id, number=1)
        assert (first.visualization, first.is_answered, len(first.recipe_key)) == (None, True, 64)
        networks.remove_network(session, slug="tiny")
    with store.session() as session:
        assert records.read_records(session) == []


def test_a_session_needs_classes_with_results_and_room(store: Store, card: NetworkCard) -> None:
    add_card(store, encoder_card())
    add_card(store, two_stream_card("empty"))
    with pytest.raises(NoClasses):
        start(store, network="encoder")
    with pytest.raises(Missing, match="visualize its classes first"):
        start(store, network="empty")
    with pytest.raises(Missing, match="under these choices"):
        start(store, seeds="5")
    with store.session() as session:
        assert sessions.count_class_results(session) == {"tiny": 5}


def test_a_person_has_so_many_sessions_and_no_more(store: Store, card: NetworkCard) -> None:
    request = NamingRequest(network="tiny", naive=True)
    start(store)
    with pytest.raises(TooMany, match="1 sessions have been started by you"), store.transaction() as session:
        sessions.create_session(session, request=request, participant=ANNA, max_sessions=1)
    with store.transaction() as session:
        ben = Participant("ben", "ip-here")
        sessions.create_session(session, request=request, participant=ben, max_sessions=1)
