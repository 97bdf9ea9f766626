"""One database, two kinds: SQLite in one file, or PostgreSQL. Opens it, migrates it, hands out sessions."""

import re
import select as io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    InvalidatePoolError,
    NoSuchModuleError,
    OperationalError,
    ProgrammingError,
    TimeoutError,
)
from sqlalchemy.pool import QueuePool

from app.contract.errors import DatabaseNotMigrated, DatabaseUnreachable, DiskFull, InvalidRequest, KinetoscopeError
from app.settings import ROOT
from app.store.database.session import Session

# Connections that a process keeps open. PostgreSQL has a process for each, so few, and no more for a moment: whoever
# finds none waits. Of SQLite they are but open files, of which those that wait to write must leave some to readers.
READING, WRITING, FILES = (10, 0), (5, 0), (10, 20)
PATIENCE = 30  # seconds that a session waits for a connection
PREPARED = 500  # statements that a connection keeps planned; pages have some three hundred
UPGRADE = "Run `kinetoscope db upgrade` (`make up` does it)."


class Store:
    """The database. `session()` reads; `transaction()` reads and writes. Both end the transaction at the
    block's end: commit where all went well, roll back where not.
    """

    def __init__(self, engine: Engine, reading: Engine) -> None:
        self.engine = engine
        self.dialect = engine.dialect.name
        self._engines = {False: reading, True: engine}

    @contextmanager
    def session(self) -> Iterator[Session]:
        with self._open(write=False) as session:
            yield session

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        with self._open(write=True) as session:
            yield session

    @contextmanager
    def _open(self, *, write: bool) -> Iterator[Session]:
        try:
            with Session(self._engines[write], is_read_only=not write) as session, session.begin():
                yield session
        except DBAPIError as error:
            raise translated(error) from error
        except TimeoutError as error:
            raise DatabaseUnreachable("Too much is asked of the database at once. Try again in a moment.") from error

    def migrate(self) -> None:
        """Bring the schema to the newest revision. Idempotent."""
        try:
            command.upgrade(self.alembic, "head")
        except DBAPIError as error:
            raise translated(error) from error

    @property
    def alembic(self) -> Config:
        config = Config()
        config.set_main_option("script_location", str(ROOT / "migrations"))
        config.attributes["engine"] = self.engine
        return config

    def require_migrated(self) -> None:
        """Raises DatabaseNotMigrated where the schema is older or newer than this code."""
        head = ScriptDirectory.from_config(self.alembic).get_current_head()
        try:
            with self.engine.connect() as connection:
                current = MigrationContext.configure(connection).get_current_revision()
        except DBAPIError as error:
            raise translated(error) from error
        if current is None:
            raise DatabaseNotMigrated(f"The database has no tables yet. {UPGRADE}")
        if current != head:
            raise DatabaseNotMigrated(f"The database is at revision {current}, this code needs {head}. {UPGRADE}")

    def close(self) -> None:
        for engine in self._engines.values():
            engine.dispose()


def open_store(url: str, *, check: bool = True) -> Store:
    """Open the database at `url`; with `check`, refuse one that is not migrated."""
    try:
        parsed = make_url(url)
        engine, reading = _sqlite(url) if parsed.get_backend_name() == "sqlite" else _postgresql(url)
    except (ArgumentError, NoSuchModuleError) as error:
        raise DatabaseUnreachable(
            "KINETOSCOPE_DATABASE_URL is not the address of a database: "
            "write `postgresql://user:password@host/name`, or leave it empty for SQLite."
        ) from error
    store = Store(engine, reading)
    if check:
        store.require_migrated()
    return store


def _sqlite(url: str) -> tuple[Engine, Engine]:
    # Kept open: a new connection reads the whole schema before its first answer.
    arguments = {"timeout": 30, "isolation_level": None}
    engine = create_engine(url, connect_args=arguments, poolclass=QueuePool, **_pool(*FILES))

    @event.listens_for(engine, "connect")
    def configure(connection: Any, record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA busy_timeout = 30000")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # With isolation_level None the driver opens no transaction of its own; we choose its kind. The write lock is
        # taken at once: a reader that turns writer late fails instead of waiting.
        write = connection.get_execution_options().get("sqlite_write", True)
        connection.exec_driver_sql("PRAGMA query_only = " + ("OFF" if write else "ON"))
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine, engine.execution_options(sqlite_write=False)


def _postgresql(url: str) -> tuple[Engine, Engine]:
    """One that writes, and one that reads without transactions: to begin and to end one are two answers to wait for,
    and it would promise no more (read committed).
    """
    engine = create_engine(url, pool_pre_ping=True, **_pool(*WRITING))
    reading = create_engine(url, isolation_level="AUTOCOMMIT", **_pool(*READING))

    @event.listens_for(reading, "connect")
    def configure(connection: Any, record: Any) -> None:
        connection.prepared_max = PREPARED
        # Statements of pages are small: to plan them for several processes, or to compile them, takes longer.
        connection.execute(
            "SET default_transaction_read_only = on; SET max_parallel_workers_per_gather = 0; SET jit = off"
        )

    @event.listens_for(reading, "checkout")
    def look(connection: Any, record: Any, proxy: Any) -> None:
        # A server that went away has closed the line, which is seen here; to ask it would be an answer to wait for.
        line = io.poll()
        line.register(connection.fileno(), io.POLLIN)
        if line.poll(0):
            raise InvalidatePoolError

    return engine, reading


def _pool(kept: int, more: int) -> dict[str, Any]:
    """`more`: connections that are closed after use."""
    return {
        "pool_size": kept,
        "max_overflow": more,
        "pool_timeout": PATIENCE,
        "pool_use_lifo": True,  # what is warm is used again
    }


def now(session: Session) -> datetime:
    """The database's clock, so that workers on machines whose clocks differ agree on leases."""
    if session.get_bind().dialect.name == "postgresql":
        moment: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
        return moment
    return datetime.now(UTC)


def translated(error: DBAPIError) -> KinetoscopeError | DBAPIError:
    """The database's own failures in words a person can act on; anything else unchanged."""
    message = str(error.orig)
    state = getattr(error.orig, "sqlstate", None)
    if state == "53100" or "disk is full" in message or "No space left" in message:
        return DiskFull("The disk of the database is full. Nothing was saved; free some space and try again.")
    if isinstance(error, OperationalError | ProgrammingError) and (
        state in ("42P01", "42703") or re.search(r"no such (table|column)", message)
    ):
        return DatabaseNotMigrated(f"The database is not migrated. {UPGRADE}")
    if "readonly database" in message:
        return DatabaseUnreachable("The database is read-only here. Check who may write in KINETOSCOPE_HOME.")
    if isinstance(error, DataError):  # PostgreSQL alone has texts and numbers that it cannot hold
        return InvalidRequest("A text or number is not one the database can hold, such as a NUL character.")
    if isinstance(error, OperationalError):
        return DatabaseUnreachable("The database does not answer. Check KINETOSCOPE_DATABASE_URL and that it runs.")
    return error
