"""An import that fails in the middle leaves nothing half, and another one finishes it."""

from pathlib import Path

import pytest
from sqlalchemy import Connection, event, text

from app.bundles.bring_in import import_bundle
from app.contract.errors import DatabaseFull
from app.store.catalog import networks
from app.store.database.engine import Store
from app.store.results import visualizations
from app.store.surveys.evidence import get_survey


def count_results(store: Store) -> int:
    """Return how many results pages show, all of which must be whole."""
    with store.session() as session:
        card = networks.get_card(session, slug="tiny")
        ids = visualizations.list_result_ids(session, card=card)
        for result in visualizations.results_by_id(session, ids=ids).values():
            assert len(result.media) == 3
            assert result.imported is not None
        return len(ids)


def has_survey(store: Store) -> bool:
    with store.session() as session:
        return get_survey(session, card=networks.get_card(session, slug="tiny")) is not None


@pytest.mark.parametrize(
    ("table", "rows", "survey", "results"),
    [("clips", 4, False, 0), ("top_clips", 30, False, 0), ("imported_visualizations", 3, True, 3)],
)
def test_it_is_finished_by_the_next_one(
    small: Store, bundle: Path, table: str, rows: int, survey: bool, results: int
) -> None:
    """The disk is full as soon as a table has this many rows."""
    stop = (
        f"CREATE TRIGGER stop BEFORE INSERT ON {table} WHEN (SELECT count(*) FROM {table}) >= {rows} "
        "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
    )
    with small.transaction() as session:
        session.execute(text(stop))
    with pytest.raises(DatabaseFull):
        import_bundle(small, bundle, results_per_transaction=1)
    with small.transaction() as session:
        session.execute(text("DROP TRIGGER stop"))
    assert (has_survey(small), count_results(small)) == (survey, results)
    report = import_bundle(small, bundle)
    assert (has_survey(small), count_results(small), report.known["tiny"]) == (True, 5, results)


def test_a_full_disk_is_a_sentence(small: Store, bundle: Path) -> None:
    @event.listens_for(small.engine, "begin")
    def limit_pages(connection: Connection) -> None:
        used = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {used}")

    with pytest.raises(DatabaseFull, match="The disk of the database is full"):
        import_bundle(small, bundle)
    assert (has_survey(small), count_results(small)) == (False, 0)
