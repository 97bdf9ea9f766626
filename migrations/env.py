"""Alembic's entry: the schema of app.store.database.tables, on the store's own engine."""

from typing import Literal

from alembic import context
from sqlalchemy import Connection

from app.settings import settings
from app.store.database import (  # noqa: F401 (makes the tables known)
    dictionary_tables,
    import_tables,
    naming_tables,
    tables,
    upload_tables,
)
from app.store.database.base import Base, Json, UtcDateTime
from app.store.database.engine import open_store


def render_item(kind: str, item: object, autogen: object) -> str | Literal[False]:
    """A migration names database types alone, never our classes, which may change after it."""
    if isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if item is Json:
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    return False


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        render_item=render_item,
        compare_type=True,
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            # two processes that migrate at once take turns
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7265)")
        context.run_migrations()


engine = context.config.attributes.get("engine")
if engine is None:  # the `alembic` command itself
    settings().home.mkdir(parents=True, exist_ok=True)
    engine = open_store(settings().sqlalchemy_url, check=False).engine
with engine.connect() as connection:
    run(connection)
