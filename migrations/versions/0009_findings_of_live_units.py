"""what findings are made of is counted anew: without dead units"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE surveys SET measured = NULL")


def downgrade() -> None:
    """Nothing: what is missing is counted when it is read."""
