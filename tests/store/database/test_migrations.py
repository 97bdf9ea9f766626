"""What is in a database stays there when its schema changes."""

import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.contract.errors import KinetoscopeError
from app.store.database.engine import Store

OLD = (
    "INSERT INTO networks (id, slug, checksum, card, registered_at) VALUES (7, 'n', 'c', '{}', '2026-01-01')",
    "INSERT INTO units (id, network_id, layer_index, layer, stream, \"index\") VALUES (3, 7, 0, 'fc6', 'fusion', 0)",
    "INSERT INTO recipes (key, body) VALUES ('k', '{}')",
    "INSERT INTO visualizations (id, unit_id, recipe_key, measurements, created_at) "
    "VALUES (2, 3, 'k', '{}', '2026-01-01')",
    "INSERT INTO jobs (id, kind, state, key, batch_key, unit_id, recipe_key, priority, visualization_id, created_at, "
    "updated_at) VALUES (5, 'visualize', 'done', 'a', 'b', 3, 'k', 1, 2, '2026-01-01', '2026-01-01')",
)
NEW_JOB = (
    "INSERT INTO jobs (id, kind, state, key, batch_key, network_id, priority, created_at, updated_at) "
    "VALUES (6, 'survey', 'queued', 'c', 'd', 7, 1, '2026-01-01', '2026-01-01')"
)


def rows(store: Store, query: str) -> list[tuple[object, ...]]:
    with store.session() as session:
        return [tuple(row) for row in session.execute(text(query))]


def run(store: Store, *statements: str) -> None:
    with store.transaction() as session:
        for statement in statements:
            session.execute(text(statement))


def test_jobs_learn_their_network_and_results_survive_the_way_up_and_down(store: Store) -> None:
    command.downgrade(store.alembic, "0001")
    run(store, *OLD)
    store.migrate()
    assert rows(store, "SELECT id, network_id, unit_id, visualization_id, cancel_requested FROM jobs") == [
        (5, 7, 3, 2, False)
    ]
    run(store, NEW_JOB)
    command.downgrade(store.alembic, "0001")
    assert rows(store, "SELECT id, unit_id FROM jobs") == [(5, 3)]
    assert rows(store, "SELECT id FROM visualizations") == [(2,)]
    store.migrate()
    assert rows(store, "SELECT id, network_id FROM jobs") == [(5, 7)]


def test_clips_and_previews_of_jobs_survive_as_jobs_lose_their_need_of_a_network(store: Store) -> None:
    run(
        store,
        OLD[0],
        NEW_JOB,
        "INSERT INTO previews (job_id, step, type, data) VALUES (6, 3, 'image/webp', '')",
    )
    for way in (command.downgrade, command.upgrade):
        way(store.alembic, "0012" if way is command.downgrade else "head")
        assert rows(store, "SELECT id, network_id, step FROM jobs JOIN previews ON job_id = id") == [(6, 7, 3)]
    without = NEW_JOB.replace("(6, 'survey', 'queued', 'c', 'd', 7", "(8, 'add_network', 'queued', 'e', 'f', NULL")
    run(store, without)
    command.downgrade(store.alembic, "0012")
    assert rows(store, "SELECT id FROM jobs") == [(6,)]
    with pytest.raises((KinetoscopeError, IntegrityError)):
        run(store, without)


def test_units_by_class_learn_their_layer_and_role(store: Store) -> None:
    command.downgrade(store.alembic, "0007")
    run(
        store,
        OLD[0],
        OLD[1].replace(" 0, 'fc6'", " 4, 'fc6'"),
        "INSERT INTO datasets (id, slug, title, summary, classes, added_at) "
        "VALUES (1, 'd', '', '', '[]', '2026-01-01')",
        "INSERT INTO surveys (id, network_id, dataset_id, started_at) VALUES (9, 7, 1, '2026-01-01')",
        "INSERT INTO unit_evidence (survey_id, unit_id, layer_index, a_hat, mean, firing_rate, effective_classes, "
        "role, best_class, best_precision, curves) VALUES (9, 3, 4, 1, 1, 1, 1, 'generic', 0, 1, '{}')",
        'INSERT INTO unit_classes (survey_id, unit_id, rank, class_index, "precision", response) '
        "VALUES (9, 3, 0, 2, 0.5, 0.5)",
    )
    store.migrate()
    assert rows(store, "SELECT layer_index, is_generic FROM unit_classes") == [(4, True)]


NEED = '{"class_index": %d, "margin_change": {"value": -0.5, "low": -0.6, "high": -0.4}, "needed": %s}'
NEEDS = '{"necessity": {"needed_by": 1, "classes": [' + NEED % (4, "true") + ", " + NEED % (2, "false") + "]}}"


def test_needed_units_are_found_and_counted_after_an_upgrade(store: Store) -> None:
    """A newer survey without the part counts, not the older one."""
    command.downgrade(store.alembic, "0023")
    run(
        store,
        OLD[0],
        OLD[1],
        OLD[1].replace("(3, 7, 0, 'fc6', 'fusion', 0)", "(4, 7, 0, 'fc6', 'fusion', 1)"),
        "UPDATE units SET role = 'mixed', coding = 'joint' WHERE id = 3",
        "INSERT INTO datasets (id, slug, title, summary, classes, added_at) "
        "VALUES (1, 'd', '', '', '[]', '2026-01-01'), (2, 'e', '', '', '[]', '2026-01-01')",
        "INSERT INTO surveys (id, network_id, dataset_id, started_at, finished_at) "
        "VALUES (8, 7, 1, '2026-01-01', '2026-01-01'), (9, 7, 2, '2026-01-01', '2026-01-02')",
        *(
            "INSERT INTO unit_evidence (survey_id, unit_id, layer_index, a_hat, mean, firing_rate, effective_classes, "
            f"role, best_class, best_precision, curves, needed_by, details) VALUES ({survey}, {unit}, 0, 1, 1, 1, 1, "
            f"'mixed', 0, 1, '{{}}', {needed_by}, {details})"
            for survey, unit, needed_by, details in (
                (8, 3, 5, "NULL"),
                (9, 3, 1, f"'{NEEDS}'"),
                (8, 4, 2, "NULL"),
                (9, 4, "NULL", "NULL"),
            )
        ),
    )
    store.migrate()
    assert rows(store, "SELECT id, needed_by FROM units ORDER BY id") == [(3, 1), (4, None)]
    assert rows(store, "SELECT survey_id, unit_id, class_index, margin_change FROM unit_needs") == [(9, 3, 4, -0.5)]
    counts = "SELECT role, coding, needed_by, units FROM unit_counts ORDER BY role"
    assert rows(store, counts) == [("", "", -1, 1), ("mixed", "joint", 1, 1)]
    command.downgrade(store.alembic, "0023")
    assert rows(store, "SELECT role, units FROM unit_counts ORDER BY role") == [("", 1), ("mixed", 1)]


def test_results_survive_as_sessions_of_naming_come_and_go(store: Store) -> None:
    command.downgrade(store.alembic, "0022")
    run(store, *OLD)
    store.migrate()
    run(
        store,
        "INSERT INTO naming_sessions (id, network_id, owner, address, request, seed, trials, state, created_at) "
        "VALUES ('s', 7, 'o', 'a', '{}', 1, 1, 'open', '2026-01-01')",
        "INSERT INTO naming_trials (session_id, number, visualization_id, class_index, recipe_key, recipe_seed, "
        "is_control, seed) VALUES ('s', 1, 2, 0, 'k', 0, false, 1)",
    )
    command.downgrade(store.alembic, "0022")
    assert rows(store, "SELECT id FROM visualizations") == [(2,)]
    store.migrate()
    assert rows(store, "SELECT id FROM naming_sessions") == []
