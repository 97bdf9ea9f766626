"""The feature statistics of surveys: their digest on the card, their data by digest."""

import hashlib

import pytest

from app.contract.errors import Missing
from app.store import datasets
from app.store.catalog.networks import get_card
from app.store.catalog.survey_columns import read_feature_statistics
from app.store.database.engine import Store
from app.store.surveys import writing
from tests.evidence_support import add_dataset, every_unit, facts, new_predictions, survey


def survey_with(store: Store, data: bytes, dataset: str = "little") -> str:
    """Write a finished survey with statistics and return their digest."""
    with store.transaction() as session:
        card = get_card(session, slug="tiny")
        begun = writing.begin_survey(session, network="tiny", dataset=dataset)
        writing.save_unit_evidence(session, survey_id=begun, units=every_unit(card))
        writing.save_predictions(session, survey_id=begun, predictions=new_predictions())
        writing.finish_survey(session, survey_id=begun, facts=facts(len(card.classes)), feature_statistics=data)
    return hashlib.sha256(data).hexdigest()


def on_card(store: Store) -> str:
    with store.session() as session:
        return get_card(session, slug="tiny").feature_statistics


def read(store: Store, digest: str) -> bytes:
    with store.session() as session:
        return read_feature_statistics(session, card=get_card(session, slug="tiny"), sha256=digest)


def test_the_card_names_those_of_the_newest_survey_and_goes_back_where_it_is_removed(tiny: Store) -> None:
    add_dataset(tiny)
    add_dataset(tiny, "other")
    assert on_card(tiny) == ""
    first = survey_with(tiny, b"first")
    assert on_card(tiny) == first
    second = survey_with(tiny, b"second", "other")
    assert on_card(tiny) == second
    assert (read(tiny, first), read(tiny, second)) == (b"first", b"second")
    with tiny.transaction() as session:
        datasets.remove_dataset(session, slug="other")
    assert on_card(tiny) == first
    with pytest.raises(Missing, match="removed, or replaced by a newer one"):
        read(tiny, second)


def test_a_newer_survey_replaces_those_of_the_former_one_with_the_same_data_set(tiny: Store) -> None:
    add_dataset(tiny)
    first = survey_with(tiny, b"first")
    survey(tiny)  # of a network without layers to measure, or of an earlier version
    assert on_card(tiny) == ""
    with pytest.raises(Missing):
        read(tiny, first)
