"""map"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = ("unit_evidence", "units")
PLACE = ("map_x", "map_y")


def upgrade() -> None:
    for table in TABLES:
        with op.batch_alter_table(table) as batch_op:
            for name in PLACE:
                batch_op.add_column(sa.Column(name, sa.Double(), nullable=True))
    with op.batch_alter_table("units") as batch_op:
        batch_op.create_index(batch_op.f("ix_units_network_id_map_x_map_y"), ["network_id", *PLACE])


def downgrade() -> None:
    with op.batch_alter_table("units") as batch_op:
        batch_op.drop_index(batch_op.f("ix_units_network_id_map_x_map_y"))
    for table in TABLES:
        for name in PLACE:
            op.drop_column(table, name)
