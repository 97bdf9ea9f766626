"""Write millions of rows directly into the tables of either database."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Table

from app.store.database.base import Base
from app.store.database.engine import Store

Row = tuple[Any, ...]


class Sink:
    """Writes rows by the fastest way of the database: COPY on PostgreSQL, one prepared INSERT on SQLite."""

    def __init__(self, store: Store, connection: Any) -> None:
        self.is_postgres = store.dialect == "postgresql"
        self._connection = connection

    def put(self, table: type[Base], columns: Sequence[str], rows: Iterable[Row]) -> None:
        """Insert rows and commit. JSON is given as text, times as `format_time` returns them."""
        names = ", ".join(f'"{column}"' for column in columns)
        cursor = self._connection.cursor()
        if self.is_postgres:
            with cursor.copy(f"COPY {table.__tablename__} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            cursor.execute("BEGIN")
            marks = ", ".join("?" * len(columns))
            cursor.executemany(f"INSERT INTO {table.__tablename__} ({names}) VALUES ({marks})", rows)
        self._connection.commit()

    def format_time(self, time: datetime) -> str:
        """Return a time as SQLAlchemy would write it; SQLite stores no time zone."""
        return time.isoformat(" ", "microseconds") if self.is_postgres else f"{time:%Y-%m-%d %H:%M:%S.%f}"


@contextmanager
def open_sink(store: Store) -> Iterator[Sink]:
    """Open a sink without indexes, which are made at the end, and without checks of foreign keys."""
    tables: list[Table] = Base.metadata.sorted_tables
    indexes = [index for table in tables for index in table.indexes]
    with store.engine.begin() as connection:
        for index in indexes:
            index.drop(connection)
    raw = store.engine.raw_connection()
    try:
        for command in SETTINGS[store.dialect]:
            raw.cursor().execute(command)
        assert raw.driver_connection is not None
        yield Sink(store, raw.driver_connection)
        raw.driver_connection.commit()
        if store.dialect == "postgresql":  # rows came with ids of their own
            for table in tables:
                if "id" in table.c and table.c.id.autoincrement and table.c.id.type.python_type is int:
                    raw.cursor().execute(
                        f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), "
                        f"(SELECT coalesce(max(id), 1) FROM {table.name}))"
                    )
            raw.commit()
    finally:
        raw.invalidate()  # the settings must not stay on the pooled connection
    for index in indexes:
        with store.engine.begin() as connection:
            index.create(connection)


SETTINGS = {
    "sqlite": ("PRAGMA foreign_keys = OFF", "PRAGMA synchronous = OFF", "PRAGMA cache_size = -400000"),
    "postgresql": ("SET session_replication_role = replica", "SET synchronous_commit = off"),
}


def vacuum(store: Store) -> None:
    """Run VACUUM ANALYZE on PostgreSQL at once, as autovacuum would do later."""
    if store.dialect == "postgresql":
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
