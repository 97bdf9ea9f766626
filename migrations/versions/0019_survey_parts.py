"""the parts of a survey, and what they measure of single units"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MEASURES = (
    "static_coding",
    "dynamic_coding",
    "interaction",
    "gain_slope",
    "rate_octaves",
    "motion_share",
)


def upgrade() -> None:
    json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    op.create_table(
        "survey_parts",
        sa.Column("survey_id", ID, nullable=False),
        sa.Column("part", sa.String(20), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("body", json, nullable=True),
        sa.ForeignKeyConstraint(
            ["survey_id"], ["surveys.id"], name=op.f("fk_survey_parts_survey_id_surveys"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("survey_id", "part", name=op.f("pk_survey_parts")),
    )
    op.add_column("surveys", sa.Column("groups_known", sa.Boolean(), nullable=True))
    op.add_column("unit_evidence", sa.Column("coding", sa.String(10), nullable=True))
    for name in MEASURES:
        op.add_column("unit_evidence", sa.Column(name, sa.Double(), nullable=True))
    op.add_column("unit_evidence", sa.Column("needed_by", sa.Integer(), nullable=True))
    op.add_column("unit_evidence", sa.Column("details", json, nullable=True))
    op.add_column("units", sa.Column("coding", sa.String(10), nullable=True))
    columns = ["network_id", "coding", "layer_index", "index"]
    op.create_index("ix_units_network_id_coding_layer_index_index", "units", columns)


def downgrade() -> None:
    op.drop_index("ix_units_network_id_coding_layer_index_index", "units")
    op.drop_column("units", "coding")
    for name in ("details", "needed_by", *MEASURES, "coding"):
        op.drop_column("unit_evidence", name)
    op.drop_column("surveys", "groups_known")
    op.drop_table("survey_parts")
