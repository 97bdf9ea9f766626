"""workers count their heartbeats, and jobs the workers that died of them"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("jobs", "lease_until")
    op.add_column("jobs", sa.Column("deaths", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("jobs", sa.Column("batch_limit", sa.Integer(), nullable=True))
    op.add_column("workers", sa.Column("heartbeats", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("workers", sa.Column("paused", sa.String(30), nullable=True))


def downgrade() -> None:
    op.drop_column("workers", "paused")
    op.drop_column("workers", "heartbeats")
    op.drop_column("jobs", "batch_limit")
    op.drop_column("jobs", "deaths")
    op.add_column("jobs", sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True))
