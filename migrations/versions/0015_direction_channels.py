"""the channels that a direction is made of"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "direction_channels",
        sa.Column("dictionary_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("direction", sa.Integer(), nullable=False),
        sa.Column("channels", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(
            ["dictionary_id"],
            ["dictionaries.id"],
            name="fk_direction_channels_dictionary_id_dictionaries",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("dictionary_id", "direction", name="pk_direction_channels"),
    )


def downgrade() -> None:
    op.drop_table("direction_channels")
