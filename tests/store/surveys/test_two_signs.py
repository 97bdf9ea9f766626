"""The lower end of units with two signs: clips, lowest activation, and stimuli that were minimized."""

from typing import Any

import pytest
from sqlalchemy import select

from app.contract.evidence import TopClip
from app.store.catalog.counts import recount_units
from app.store.catalog.networks import get_card, network_id
from app.store.catalog.units import get_unit
from app.store.database.engine import Store
from app.store.database.tables import UnitCountRow
from app.store.results import visualizations
from app.store.surveys import evidence
from tests.evidence_support import add_dataset, survey
from tests.support import claim, enqueue, finish

LOWEST = (
    TopClip(clip="run-2", activation=-3.5, x=0.5, y=0.25, time=0.25, trace=(-3.5, 1.0)),
    TopClip(clip="walk-1", activation=-2.0, x=0.5, y=0.25, time=0.75, trace=(0.0, -2.0)),
)


def lower_end(layer: str, unit: int) -> dict[str, object]:
    return {"a_low": -3.5, "bottom_clips": LOWEST} if (layer, unit) == ("fc6", 2) else {}


def test_the_clips_that_lower_a_unit_are_stored_apart_from_those_that_raise_it(tiny: Store) -> None:
    add_dataset(tiny)
    survey(tiny, change=lower_end)
    with tiny.session() as session:
        card = get_card(session, slug="tiny")
        measured = evidence.get_evidence(session, card=card, layer="fc6", unit=2)
        other = evidence.get_evidence(session, card=card, layer="fc6", unit=3)
        assert measured is not None
        assert other is not None
        assert (measured.a_low, measured.bottom_clips) == (-3.5, LOWEST)
        assert [top.clip for top in measured.top_clips] == ["walk-0", "run-1"]
        assert (other.a_low, other.bottom_clips) == (None, ())
        assert get_unit(session, card=card, layer="fc6", unit=2).a_low == -3.5
    survey(tiny)
    with tiny.session() as session:
        assert get_unit(session, card=card, layer="fc6", unit=2).a_low is None


def stored_counts(store: Store) -> set[tuple[Any, ...]]:
    """Return the counts of units that some unit has, and check that counting anew gives the same."""
    columns = (UnitCountRow.layer_index, UnitCountRow.role, UnitCountRow.visualized, UnitCountRow.units)
    statement = select(*columns, UnitCountRow.visualizations).where(UnitCountRow.units > 0)
    with store.transaction() as session:
        kept = set(map(tuple, session.execute(statement)))
        recount_units(session, network_id=network_id(session, get_card(session, slug="tiny")))
        assert set(map(tuple, session.execute(statement))) == kept
    return kept


def test_a_unit_is_visualized_by_what_raises_it_and_counts_follow(tiny: Store) -> None:
    for seed, sign in enumerate(("minimize", "minimize", "maximize", "minimize")):
        enqueue(tiny, 2, layer="fc6", sign=sign, seed=seed)
        finish(tiny, claim(tiny)[0])
        visualized = sum(row[3] for row in stored_counts(tiny) if row[2])
        assert visualized == (1 if seed >= 2 else 0)


def test_a_minimized_stimulus_is_neither_the_unit_s_picture_nor_its_strongest(tiny: Store) -> None:
    add_dataset(tiny)
    survey(tiny, change=lower_end)
    enqueue(tiny, 2, layer="fc6", sign="minimize")
    lowering = finish(tiny, claim(tiny)[0])  # an activation of 3.5, as all in these tests
    assert lowering is not None
    with tiny.session() as session:
        card = get_card(session, slug="tiny")
        unit = get_unit(session, card=card, layer="fc6", unit=2)
        assert (unit.visualizations, unit.poster, unit.activation, unit.reach) == (1, None, None, None)
        result = visualizations.get_visualization(session, visualization_id=lowering)
        assert result.measurements.reach == pytest.approx(3.5 / -3.5)
        assert visualizations.newest_of_units(session, card=card, units=[unit]) == {}
    enqueue(tiny, 2, layer="fc6")
    raising = finish(tiny, claim(tiny)[0])
    with tiny.session() as session:
        unit = get_unit(session, card=card, layer="fc6", unit=2)
        assert (unit.visualizations, unit.activation, unit.reach) == (2, 3.5, 3.5 / 4)
        assert unit.poster is not None
        [newest] = visualizations.newest_of_units(session, card=card, units=[unit]).values()
        assert newest.id == raising
