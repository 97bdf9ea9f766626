"""bundles that were imported, and which results came with them"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OWNERS = {"visualization_id": "visualizations", "survey_id": "surveys"}


def upgrade() -> None:
    op.create_table(
        "imports",
        sa.Column("id", ID, nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.Column("imported_by", sa.Text(), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_imports"),
    )
    for key, owners in OWNERS.items():
        table = f"imported_{owners}"
        op.create_table(
            table,
            sa.Column(key, ID, nullable=False),
            sa.Column("import_id", ID, nullable=False),
            sa.ForeignKeyConstraint([key], [f"{owners}.id"], name=f"fk_{table}_{key}_{owners}", ondelete="CASCADE"),
            sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=f"fk_{table}_import_id_imports"),
            sa.PrimaryKeyConstraint(key, name=f"pk_{table}"),
        )
        op.create_index(f"ix_{table}_import_id", table, ["import_id"])


def downgrade() -> None:
    for owners in OWNERS.values():
        op.drop_table(f"imported_{owners}")
    op.drop_table("imports")
