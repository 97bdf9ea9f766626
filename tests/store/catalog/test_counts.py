"""The stored counts of units stay those of the units, whatever happens to them."""

from sqlalchemy import func, select

from app.contract.interval import Interval
from app.contract.necessity import UnitNecessity
from app.store import datasets
from app.store.catalog import networks
from app.store.catalog.counts import recount_units
from app.store.database.engine import Store
from app.store.database.tables import ResultCountRow, UnitCountRow, UnitRow, VisualizationRow
from tests.evidence_support import add_dataset, survey
from tests.support import claim, enqueue, finish

NO_CHANGE = Interval(value=0, low=0, high=0)
StoredCounts = set[tuple[object, ...]]


def stored_counts(store: Store) -> StoredCounts:
    with store.session() as session:
        row = UnitCountRow
        columns = (
            *(row.layer_index, row.role, row.visualized, row.coding, row.needed_by),
            *(row.units, row.visualizations),
        )
        return {tuple(count) for count in session.execute(select(*columns).where(row.units > 0))}


def needed_by(classes: int) -> UnitNecessity:
    return UnitNecessity(accuracy_change=NO_CHANGE, needed_by=classes, classes=())


def recounted(store: Store) -> StoredCounts:
    with store.transaction() as session:
        recount_units(session, network_id=1)
    return stored_counts(store)


def test_results_surveys_and_their_end(tiny: Store) -> None:
    assert {units for *_, units, _ in stored_counts(tiny)} == {6, 8, 10, 5}
    for recipe in ({}, {"speed": "free"}):
        for unit in (3, 1):
            enqueue(tiny, unit, **recipe)
            finish(tiny, claim(tiny)[0])
    assert (4, "", True, "", -1, 2, 4) in stored_counts(tiny)
    assert stored_counts(tiny) == recounted(tiny)
    add_dataset(tiny)
    survey(tiny, change=lambda layer, unit: {"necessity": needed_by(7)})
    enqueue(tiny, 2)
    finish(tiny, claim(tiny)[0])
    assert (4, "specific", True, "", 3, 3, 5) in stored_counts(tiny)
    assert stored_counts(tiny) == recounted(tiny)
    with tiny.transaction() as session:
        datasets.remove_dataset(session, slug="little")
    assert (4, "", True, "", -1, 3, 5) in stored_counts(tiny)
    assert stored_counts(tiny) == recounted(tiny)


def test_results_by_recipe(tiny: Store) -> None:
    for unit, recipe in ((3, {}), (1, {}), (3, {"seed": 1})):
        enqueue(tiny, unit, **recipe)
        finish(tiny, claim(tiny)[0])
    with tiny.session() as session:
        results = session.scalars(select(ResultCountRow.results).order_by(ResultCountRow.results)).all()
        visualizations = session.scalar(select(func.count()).select_from(VisualizationRow))
        summary = networks.get_network(session, slug="tiny")
    assert list(results) == [1, 2]
    assert (summary.visualizations, summary.visualized_units) == (visualizations, 2)
    with tiny.transaction() as session:
        networks.remove_network(session, slug="tiny")
        assert session.scalar(select(func.count()).select_from(ResultCountRow)) == 0
        assert session.scalar(select(func.count()).select_from(UnitRow)) == 0
