"""map"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

PLACE = ("map_x", "map_y")
INDEXES = (("network_id", *PLACE), ("network_id", "detects", "layer_index", "index"))


def upgrade() -> None:
    for table in ("unit_evidence", "units"):
        for name in PLACE:
            op.add_column(table, sa.Column(name, sa.Double(), nullable=True))
    op.add_column("units", sa.Column("detects", sa.Integer(), nullable=True))
    for columns in INDEXES:
        op.create_index(index_name(columns), "units", list(columns))


def downgrade() -> None:
    # column by column: a table made anew, as batches do on SQLite, would take its results along
    for columns in INDEXES:
        op.drop_index(index_name(columns), "units")
    op.drop_column("units", "detects")
    for table in ("unit_evidence", "units"):
        for name in PLACE:
            op.drop_column(table, name)


def index_name(columns: tuple[str, ...]) -> str:
    return f"ix_units_{'_'.join(columns)}"
