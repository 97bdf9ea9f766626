"""naming by people: sessions and their trials"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "naming_sessions",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("network_id", ID, nullable=False),
        sa.Column("owner", sa.String(32), nullable=False),
        sa.Column("address", sa.String(32), nullable=False),
        sa.Column("request", JSON, nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("trials", sa.Integer(), nullable=False),
        sa.Column("answered", sa.Integer(), server_default="0", nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(
            ["network_id"], ["networks.id"], name="fk_naming_sessions_network_id_networks", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_naming_sessions"),
    )
    for column in ("network_id", "owner", "address"):
        op.create_index(f"ix_naming_sessions_{column}", "naming_sessions", [column])
    op.create_table(
        "naming_trials",
        sa.Column("session_id", sa.String(32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("visualization_id", ID),
        sa.Column("class_index", sa.Integer(), nullable=False),
        sa.Column("recipe_key", sa.String(64), nullable=False),
        sa.Column("recipe_seed", sa.Integer(), nullable=False),
        sa.Column("is_control", sa.Boolean(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True)),
        sa.Column("answered_at", sa.DateTime(timezone=True)),
        sa.Column("answer", sa.Integer()),
        sa.Column("words", sa.String(200)),
        sa.Column("is_right", sa.Boolean()),
        sa.Column("seconds", sa.Double()),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["naming_sessions.id"],
            name="fk_naming_trials_session_id_naming_sessions",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["visualization_id"],
            ["visualizations.id"],
            name="fk_naming_trials_visualization_id_visualizations",
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(["recipe_key"], ["recipes.key"], name="fk_naming_trials_recipe_key_recipes"),
        sa.PrimaryKeyConstraint("session_id", "number", name="pk_naming_trials"),
    )
    op.create_index("ix_naming_trials_visualization_id", "naming_trials", ["visualization_id"])


def downgrade() -> None:
    op.drop_table("naming_trials")
    op.drop_table("naming_sessions")
