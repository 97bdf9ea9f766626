"""two signs"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("units", sa.Column("a_low", sa.Double(), nullable=True))
    op.add_column("unit_evidence", sa.Column("a_low", sa.Double(), nullable=True))
    op.create_table(
        "bottom_clips",
        sa.Column("survey_id", ID, nullable=False),
        sa.Column("unit_id", ID, nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("clip_id", ID, nullable=False),
        sa.Column("activation", sa.Double(), nullable=False),
        sa.Column("x", sa.Double(), nullable=False),
        sa.Column("y", sa.Double(), nullable=False),
        sa.Column("time", sa.Double(), nullable=False),
        sa.Column("trace", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["clip_id"], ["clips.id"], name=op.f("fk_bottom_clips_clip_id_clips"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["survey_id", "unit_id"],
            ["unit_evidence.survey_id", "unit_evidence.unit_id"],
            name=op.f("fk_bottom_clips_survey_id_unit_evidence"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("survey_id", "unit_id", "rank", name=op.f("pk_bottom_clips")),
    )
    op.create_index(op.f("ix_bottom_clips_clip_id"), "bottom_clips", ["clip_id"], unique=False)


def downgrade() -> None:
    op.drop_table("bottom_clips")
    op.drop_column("unit_evidence", "a_low")
    op.drop_column("units", "a_low")
