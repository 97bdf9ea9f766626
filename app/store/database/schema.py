"""Compares the schema of the database with the one that this code knows."""

from collections.abc import Sequence
from functools import cache

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from app.contract.errors import DatabaseForeign, DatabaseNewer, DatabaseNotMigrated

VERSION_TABLE = "alembic_version"
OWN_TABLES = {"networks", "jobs"}  # that the database has at every revision
MAX_TABLES_NAMED = 3
UPGRADE_ADVICE = "Run `kinetoscope db upgrade` (`make up` does it)."


def require_known(connection: Connection, alembic: Config) -> Sequence[str]:
    """Return the revisions that the database is at, none where it is empty.

    Raises DatabaseForeign where another program made its tables, DatabaseNewer where a later version of this one did.
    """
    tables = set(inspect(connection).get_table_names())
    if (tables - {VERSION_TABLE}) and not tables >= OWN_TABLES | {VERSION_TABLE}:
        names = ", ".join(sorted(tables)[:MAX_TABLES_NAMED])
        raise DatabaseForeign(
            f"The database belongs to another program: it has {len(tables)} tables ({names} ...) and not those of "
            "Kinetoscope. Name an empty one in KINETOSCOPE_DATABASE_URL, or another folder in KINETOSCOPE_HOME."
        )
    heads = MigrationContext.configure(connection).get_current_heads() if VERSION_TABLE in tables else ()
    scripts = _read_scripts(str(alembic.get_main_option("script_location")))
    known = {script.revision for script in scripts.walk_revisions()}
    if not known.issuperset(heads):
        raise DatabaseNewer(
            f"A newer version of Kinetoscope has migrated the database, to revision {', '.join(heads)}; this version "
            f"knows it up to {scripts.get_current_head()}. Upgrade Kinetoscope, or restore the backup of the database "
            "that was made before."
        )
    return heads


def require_current(connection: Connection, alembic: Config) -> None:
    """Raise DatabaseNotMigrated where the schema is older than this code, and what `require_known` raises."""
    heads = require_known(connection, alembic)
    newest = _read_scripts(str(alembic.get_main_option("script_location"))).get_current_head()
    if not heads:
        raise DatabaseNotMigrated(f"The database has no tables yet. {UPGRADE_ADVICE}")
    if set(heads) != {newest}:
        raise DatabaseNotMigrated(
            f"The database is at revision {', '.join(heads)}, this version needs {newest}. {UPGRADE_ADVICE}"
        )


@cache
def _read_scripts(folder: str) -> ScriptDirectory:
    """Return the migrations in a folder, which Python compiles whenever they are read."""
    return ScriptDirectory(folder)
