"""Databases built by the real migrations: SQLite always, PostgreSQL where its server is installed."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import create_engine, text

from app.store.database.engine import Store, open_store

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
def postgres() -> Iterator[str]:
    """Address of a throw-away PostgreSQL server with a migrated template database."""
    if not shutil.which("initdb") or not shutil.which("pg_ctl"):
        pytest.skip("PostgreSQL's server (initdb, pg_ctl) is not installed")
    # not within pytest's own folder, which every session that starts makes private again
    with TemporaryDirectory(prefix="kinetoscope-postgres-") as folder:
        yield from _serve(Path(folder))


def _serve(folder: Path) -> Iterator[str]:
    data = folder / "data"
    as_postgres: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        as_postgres = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def run(*command: str) -> None:
        subprocess.run([*as_postgres, *command], check=True, capture_output=True, cwd=folder)

    run("initdb", "-D", str(data), "-U", "kinetoscope", "--auth=trust", "--no-sync")
    options = f"-p {port} -h 127.0.0.1 -k {folder} -c fsync=off -c synchronous_commit=off"
    run("pg_ctl", "-D", str(data), "-w", "-o", options, "-l", str(folder / "log"), "start")
    base = f"postgresql+psycopg://kinetoscope@127.0.0.1:{port}"
    try:
        _create_database(base, "template", "template1")
        store = open_store(f"{base}/template", check=False)
        store.migrate()
        store.close()
        yield base
    finally:
        run("pg_ctl", "-D", str(data), "-m", "immediate", "stop")


def _create_database(base: str, name: str, template: str) -> None:
    engine = create_engine(f"{base}/postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
    engine.dispose()


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
    base = request.getfixturevalue("postgres")
    name = f"t{os.urandom(6).hex()}"
    _create_database(base, name, "template")
    return f"{base}/{name}"


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = open_store(database_url)
    yield store
    store.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: Playwright keeps an event loop running for the rest of the process."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
