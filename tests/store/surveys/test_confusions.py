"""How alike layers answer to two classes."""

import pytest

from app.store.catalog.networks import get_card
from app.store.database.engine import Store
from app.store.surveys import confusions
from tests.evidence_support import add_dataset, survey


def responses(layer: str, unit: int) -> dict[str, object]:
    """fc6: alike for the first two classes from unit 4 on, dead before 2; the streams: as they are by themselves."""
    if layer != "fc6":
        return {}
    if unit < 2:
        return {"responses": (0.0,) * 5}
    return {"responses": (0.5, 0.45 if unit >= 4 else 0.1, 0.2, 0.2, 0.5 if unit == 9 else 0.2)}


@pytest.fixture
def surveyed(tiny: Store) -> Store:
    add_dataset(tiny)
    survey(tiny, change=responses)
    return tiny


def test_the_last_layer_before_the_classes_and_the_ends_of_streams(surveyed: Store) -> None:
    with surveyed.session() as session:
        found = confusions.compare_layers(session, card=get_card(session, slug="tiny"), a=0, b=1)
    assert [each.layer for each in found] == ["fc6", "appearance.conv1", "motion.conv1"]
    last = found[0]
    assert (last.units, last.responding, last.similar) == (10, 8, 6)
    assert last.usual_share == pytest.approx((0 + 0 + 1 / 8) / 3)
    assert last.median_ratio == pytest.approx(0.9)


def test_of_large_layers_one_of_so_many_units(surveyed: Store) -> None:
    with surveyed.session() as session:
        card = get_card(session, slug="tiny")
        last, *_ = confusions.compare_layers(session, card=card, a=0, b=1, max_units=4)
    assert (last.units, last.responding) == (4, 3), "0, 3, 6, 9"


def test_before_a_survey_there_are_none(tiny: Store) -> None:
    with tiny.session() as session:
        assert confusions.compare_layers(session, card=get_card(session, slug="tiny"), a=0, b=1) == ()
