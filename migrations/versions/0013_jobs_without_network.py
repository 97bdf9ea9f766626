"""jobs that add a network have none yet"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

COLUMN = re.compile(r"(\bnetwork_id\"?\s+\w+)(\s+NOT NULL)?(?=\s*,)", re.IGNORECASE)


def upgrade() -> None:
    _set_nullable(True)


def downgrade() -> None:
    op.execute("DELETE FROM jobs WHERE network_id IS NULL")
    _set_nullable(False)


def _set_nullable(nullable: bool) -> None:
    if op.get_bind().dialect.name == "sqlite":
        _rewrite_definition(r"\1" if nullable else r"\1 NOT NULL")
    else:
        op.alter_column("jobs", "network_id", existing_type=sa.BigInteger(), nullable=nullable)


def _rewrite_definition(column: str) -> None:
    """Change the text of the table's definition, as SQLite's manual says for NOT NULL (lang_altertable, section 7).

    To copy the table would delete the clips and previews of its jobs with the old one.
    """
    connection = op.get_bind()
    schema = "type = 'table' AND name = 'jobs'"
    definition = connection.exec_driver_sql(f"SELECT sql FROM sqlite_master WHERE {schema}").scalar_one()  # noqa: S608
    changed, count = COLUMN.subn(column, definition)
    if count != 1:
        raise RuntimeError("The table of jobs is not defined as migrations have left it.")
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    connection.exec_driver_sql(f"UPDATE sqlite_master SET sql = ? WHERE {schema}", (changed,))  # noqa: S608
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = RESET")
