"""own jobs"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

NAME = "ix_jobs_owner_state"


def upgrade() -> None:
    op.create_index(NAME, "jobs", ["owner", "state"])


def downgrade() -> None:
    op.drop_index(NAME, "jobs")
