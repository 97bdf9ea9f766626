"""dictionaries of directions, and cards that change with them"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.add_column("networks", sa.Column("revision", sa.Integer(), server_default="0", nullable=False))
    op.create_table(
        "dictionaries",
        sa.Column("id", ID, nullable=False),
        sa.Column("network_id", ID, nullable=False),
        sa.Column("layer", sa.String(200), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("dataset", sa.String(63)),
        sa.Column("settings", JSON, nullable=False),
        sa.Column("measures", JSON),
        sa.Column("probe", JSON),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["network_id"], ["networks.id"], name="fk_dictionaries_network_id_networks", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_dictionaries"),
        sa.UniqueConstraint("network_id", "layer", name="uq_dictionaries_network_id_layer"),
    )
    op.create_table(
        "dictionary_pieces",
        sa.Column("dictionary_id", ID, nullable=False),
        sa.Column("piece", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dictionary_id"],
            ["dictionaries.id"],
            name="fk_dictionary_pieces_dictionary_id_dictionaries",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("dictionary_id", "piece", name="pk_dictionary_pieces"),
    )


def downgrade() -> None:
    op.drop_table("dictionary_pieces")
    op.drop_table("dictionaries")
    op.drop_column("networks", "revision")
