"""a clip knows its video, so that a data set can grow"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("clips", sa.Column("source", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("clips", "source")
