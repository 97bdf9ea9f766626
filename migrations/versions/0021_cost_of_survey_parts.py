"""what each part of a survey cost, and why a part has no result"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

COLUMNS = ("cost", "omitted")


def upgrade() -> None:
    json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    for name in COLUMNS:
        op.add_column("survey_parts", sa.Column(name, json))


def downgrade() -> None:
    for name in COLUMNS:
        op.drop_column("survey_parts", name)
