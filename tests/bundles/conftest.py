import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.bundles.choice import Choice
from app.bundles.export import export_bundle
from app.store.database.engine import Store, open_store
from tests.bundle_support import copy_database, fill
from tests.support import add_card, two_stream_card


@pytest.fixture(scope="session")
def filled_sqlite(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fill a database with five results of the network `tiny` and a survey of it, and export all of it."""
    path = tmp_path_factory.mktemp("origin") / "origin.db"
    store = open_store(copy_database(migrated_sqlite, path))
    fill(store)
    export_bundle(store, path.with_suffix(".bundle"), Choice(with_survey=True))
    store.close()
    return path


@pytest.fixture
def origin(filled_sqlite: Path, tmp_path: Path) -> Iterator[Store]:
    """Return a server with these results."""
    store = open_store(copy_database(filled_sqlite, tmp_path / "origin.db"))
    yield store
    store.close()


@pytest.fixture
def bundle(filled_sqlite: Path, tmp_path: Path) -> Path:
    """Return a bundle of everything there."""
    return shutil.copyfile(filled_sqlite.with_suffix(".bundle"), tmp_path / "results.bundle")


@pytest.fixture
def target(store: Store) -> Store:
    """Return a server that knows `tiny`, and nothing else yet."""
    add_card(store, two_stream_card())
    return store


@pytest.fixture
def small(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Store]:
    """Return the same on SQLite alone."""
    store = open_store(copy_database(migrated_sqlite, tmp_path / "small.db"))
    add_card(store, two_stream_card())
    yield store
    store.close()
