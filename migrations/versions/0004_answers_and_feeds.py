"""answers and feeds"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "answers",
        sa.Column("survey_id", ID, nullable=False),
        sa.Column("clip_id", ID, nullable=False),
        sa.Column("own", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("probability", sa.Double(), nullable=False),
        sa.Column("own_probability", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["clip_id"], ["clips.id"], name=op.f("fk_answers_clip_id_clips"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["survey_id"], ["surveys.id"], name=op.f("fk_answers_survey_id_surveys"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("survey_id", "clip_id", name=op.f("pk_answers")),
    )
    op.create_index("ix_answers_clip_id", "answers", ["clip_id"])
    op.create_index(
        "ix_answers_survey_id_own_taken_probability", "answers", ["survey_id", "own", "taken", "probability"]
    )
    op.create_table(
        "unit_feeds",
        sa.Column("survey_id", ID, nullable=False),
        sa.Column("unit_id", ID, nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("class_index", sa.Integer(), nullable=False),
        sa.Column("weight", sa.Double(), nullable=True),
        sa.Column("share", sa.Double(), nullable=False),
        sa.Column("effect", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["survey_id", "unit_id"],
            ["unit_evidence.survey_id", "unit_evidence.unit_id"],
            name=op.f("fk_unit_feeds_survey_id_unit_evidence"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("survey_id", "unit_id", "rank", name=op.f("pk_unit_feeds")),
    )


def downgrade() -> None:
    op.drop_table("unit_feeds")
    op.drop_index("ix_answers_survey_id_own_taken_probability", "answers")
    op.drop_index("ix_answers_clip_id", "answers")
    op.drop_table("answers")
