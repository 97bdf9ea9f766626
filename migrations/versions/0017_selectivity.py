"""how many units of each layer a survey finds to answer to few classes, beside its control"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("selectivity", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True)
    op.add_column("surveys", column)


def downgrade() -> None:
    op.drop_column("surveys", "selectivity")
