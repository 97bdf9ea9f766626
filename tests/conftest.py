"""Databases built by the real migrations: SQLite always, PostgreSQL where its server is installed."""

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from app.store.database.engine import Store, open_store
from benchmarks.postgres_server import PostgresServer, is_installed

os.environ.pop("COLUMNS", None)  # pytest-xdist sets it; consoles made while modules load would keep it

TEST_DATA = Path(os.environ.get("KINETOSCOPE_TEST_DATA", Path(__file__).parents[2] / "shared"))


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Real weights and clips, which are not part of the repository."""
    if not (TEST_DATA / "weights").is_dir():
        pytest.skip(f"no real weights and clips: KINETOSCOPE_TEST_DATA ({TEST_DATA.name}/) is missing")
    return TEST_DATA


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    store = open_store(f"sqlite:///{path}", check=False)
    store.migrate()
    store.close()
    return path


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Run a throw-away PostgreSQL server with a migrated database `template`."""
    if not is_installed():
        pytest.skip("PostgreSQL's server (initdb, pg_ctl) is not installed")
    # not within pytest's own folder, which every session that starts makes private again
    with TemporaryDirectory(prefix="kinetoscope-postgres-") as folder:
        server = PostgresServer(Path(folder), "-c synchronous_commit=off")
        server.start()
        try:
            server.create_database("template")
            store = open_store(f"{server.url}/template", check=False)
            store.migrate()
            store.close()
            yield server
        finally:
            server.stop()


@pytest.fixture
def sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """A migrated database file of this test's own."""
    path = tmp_path / "kinetoscope.db"
    shutil.copyfile(migrated_sqlite, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Each test that asks for it runs on both databases."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_url"))
    server: PostgresServer = request.getfixturevalue("postgres")
    name = f"t{os.urandom(6).hex()}"
    server.create_database(name, template="template")
    return f"{server.url}/{name}"


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = open_store(database_url)
    yield store
    store.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: Playwright keeps an event loop running for the rest of the process."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over all that was imported and collected: it took a fifth of the suite's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
