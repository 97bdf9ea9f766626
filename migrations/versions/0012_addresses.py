"""the network address that a job was asked from"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

INDEX = "ix_jobs_address_state"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("address", sa.String(32)))
    op.create_index(INDEX, "jobs", ["address", "state"])


def downgrade() -> None:
    op.drop_index(INDEX, "jobs")
    op.drop_column("jobs", "address")
