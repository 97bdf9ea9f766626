"""Opens the database, SQLite in one file or PostgreSQL, migrates it and hands out sessions."""

import re
import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, make_url
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

from app.contract.errors import (
    DatabaseDamaged,
    DatabaseFull,
    DatabaseNotMigrated,
    DatabaseUnreachable,
    InvalidRequest,
    KinetoscopeError,
)
from app.settings import ROOT
from app.store.database import schema
from app.store.database.session import Session

MAX_PREPARED_STATEMENTS = 500  # whose plans a PostgreSQL connection keeps; pages have some three hundred
LOCK_TIMEOUT_SECONDS = 30  # that SQLite waits for another process to finish writing
# Of the SQLite file, read through a memory map: every commit empties the page caches of all other connections, and
# readers beside 40 writes a second then copied their pages anew. 64 answers a second without the map, 75 with it.
MAPPED_BYTES = 1 << 30


@dataclass(frozen=True)
class PoolSizes:
    """How many connections a process keeps open; a session that finds none waits.

    A PostgreSQL server runs a process for each connection, so there are few. Connections to SQLite are only open files;
    those in the overflow are closed after use, and leave room for readers while writers wait for the lock.
    """

    readers: int = 10  # to PostgreSQL
    writers: int = 5
    files: int = 10  # of SQLite
    files_overflow: int = 20
    timeout_seconds: float = 30


class Store:
    """An open database, which hands out sessions.

    `session()` reads; `transaction()` reads and writes. At the end of their block both commit, or roll back after an
    exception.
    """

    def __init__(self, engine: Engine, reading: Engine, clock: Callable[[], datetime] | None = None) -> None:
        self.engine = engine
        self.clock = clock
        self.dialect = engine.dialect.name
        self._engines = {False: reading, True: engine}

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Open a session that only reads."""
        with self._open(write=False) as session:
            yield session

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Open a session that reads and writes in one transaction."""
        with self._open(write=True) as session:
            yield session

    @contextmanager
    def _open(self, *, write: bool) -> Iterator[Session]:
        try:
            with Session(self._engines[write], is_read_only=not write, clock=self.clock) as session, session.begin():
                yield session
        except DBAPIError as error:
            raise translate_error(error) from error
        except TimeoutError as error:
            raise DatabaseUnreachable("Too much is asked of the database at once. Try again in a moment.") from error

    def migrate(self) -> None:
        """Bring the schema to the newest revision, if it is not there yet.

        Raises DatabaseNewer and DatabaseForeign where it has revisions or tables that this code does not know.
        """
        with self._connect() as connection:
            schema.require_known(connection, self.alembic)
        try:
            command.upgrade(self.alembic, "head")
        except DBAPIError as error:
            raise translate_error(error) from error

    @property
    def alembic(self) -> Config:
        """Alembic's configuration for this database."""
        config = Config()
        config.set_main_option("script_location", str(ROOT / "migrations"))
        config.attributes["engine"] = self.engine
        return config

    def require_migrated(self) -> None:
        """Raise DatabaseNotMigrated, DatabaseNewer or DatabaseForeign where the schema is not that of this code."""
        with self._connect() as connection:
            schema.require_current(connection, self.alembic)

    @contextmanager
    def _connect(self) -> Iterator[Connection]:
        try:
            with self.engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            raise translate_error(error) from error

    def close(self) -> None:
        """Close all connections."""
        for engine in self._engines.values():
            engine.dispose()


def open_store(
    url: str, *, check: bool = True, pools: PoolSizes | None = None, clock: Callable[[], datetime] | None = None
) -> Store:
    """Open the database at an address; `clock` tells the time instead of its own.

    Raises DatabaseUnreachable, and with `check` what `require_migrated` raises.
    """
    pools = pools or PoolSizes()
    try:
        parsed = make_url(url)
        open_engines = _open_sqlite if parsed.get_backend_name() == "sqlite" else _open_postgresql
        engine, reading = open_engines(url, pools)
    except (ArgumentError, NoSuchModuleError) as error:
        raise DatabaseUnreachable(
            "KINETOSCOPE_DATABASE_URL is not the address of a database: "
            "write `postgresql://user:password@host/name`, or leave it empty for SQLite."
        ) from error
    store = Store(engine, reading, clock)
    if check:
        store.require_migrated()
    return store


def _open_sqlite(url: str, pools: PoolSizes) -> tuple[Engine, Engine]:
    """Return the engine that writes and, with the same connections, the one that reads."""
    # Connections are pooled, because a new one reads the whole schema before its first answer.
    engine = create_engine(
        url,
        connect_args={"timeout": LOCK_TIMEOUT_SECONDS, "isolation_level": None},
        poolclass=QueuePool,
        **_pool_options(pools.files, pools.files_overflow, pools),
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {1000 * LOCK_TIMEOUT_SECONDS}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute(f"PRAGMA mmap_size = {MAPPED_BYTES}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # With isolation_level None the driver opens no transaction of its own, so that its kind can be chosen here. A
        # transaction that writes takes the lock when it begins: to take it later fails where it should wait.
        write = connection.get_execution_options().get("sqlite_write", True)
        connection.exec_driver_sql("PRAGMA query_only = " + ("OFF" if write else "ON"))
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine, engine.execution_options(sqlite_write=False)


def _open_postgresql(url: str, pools: PoolSizes) -> tuple[Engine, Engine]:
    """Return the engine that writes, and the one that reads, without transactions.

    To begin and to end a transaction are two round trips to the server, and at the isolation level `read committed` it
    would promise a reader no more.
    """
    engine = create_engine(url, pool_pre_ping=True, **_pool_options(pools.writers, 0, pools))
    reading = create_engine(url, isolation_level="AUTOCOMMIT", **_pool_options(pools.readers, 0, pools))

    @event.listens_for(reading, "connect")
    def configure(connection: Any, record: Any) -> None:
        connection.prepared_max = MAX_PREPARED_STATEMENTS
        # The statements of pages are small: parallel plans and compilation would take longer than they save.
        connection.execute(
            "SET default_transaction_read_only = on; SET max_parallel_workers_per_gather = 0; SET jit = off"
        )

    @event.listens_for(reading, "checkout")
    def refuse_closed(connection: Any, record: Any, proxy: Any) -> None:
        # A server that stopped has closed its connections: the socket is readable. A ping would be one more round trip.
        socket = select.poll()
        socket.register(connection.fileno(), select.POLLIN)
        if socket.poll(0):
            raise InvalidatePoolError

    return engine, reading


def _pool_options(size: int, overflow: int, pools: PoolSizes) -> dict[str, Any]:
    return {
        "pool_size": size,
        "max_overflow": overflow,
        "pool_timeout": pools.timeout_seconds,
        "pool_use_lifo": True,  # the connection used last has its statements planned and its pages cached
    }


def translate_error(error: DBAPIError) -> KinetoscopeError | DBAPIError:
    """Return an error that says what to do for a failure of the database, and any other error unchanged."""
    message = str(error.orig)
    state = getattr(error.orig, "sqlstate", None)
    if state == "53100" or "disk is full" in message or "No space left" in message:
        return DatabaseFull("The disk of the database is full. Nothing was saved; free some space and try again.")
    if re.search(r"not a database|image is malformed", message):
        return DatabaseDamaged(
            "The database's file is damaged, or is none of SQLite. Restore a backup of it, or move it away to start "
            "with an empty one."
        )
    if isinstance(error, OperationalError | ProgrammingError) and (
        state in ("42P01", "42703") or re.search(r"no such (table|column)", message)
    ):
        return DatabaseNotMigrated(f"The database is not migrated. {schema.UPGRADE_ADVICE}")
    if "readonly database" in message:
        return DatabaseUnreachable("The database is read-only here. Check who may write in KINETOSCOPE_HOME.")
    if isinstance(error, DataError):  # PostgreSQL alone has texts and numbers that it cannot hold
        return InvalidRequest("A text or number is not one the database can hold, such as a NUL character.")
    if isinstance(error, OperationalError):
        return DatabaseUnreachable("The database does not answer. Check KINETOSCOPE_DATABASE_URL and that it runs.")
    return error
