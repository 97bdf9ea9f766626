"""the group of each clip"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("clips", sa.Column("group_name", sa.Text()))


def downgrade() -> None:
    op.drop_column("clips", "group_name")
