"""counts kept beside the units, and the indexes of a catalogue of a million units"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OF_UNITS = ("visualized_at", "activation", "effective_classes", "reach")
OF_EVIDENCE = ("synergy_clips", "effective_classes", "speed_octaves")
OF_JOBS = ("state", "network_id", "owner")
SINGLE = ("network_id", "owner")  # indexes of jobs whose columns those of OF_JOBS begin with
SEEN, MISSING = sa.text("visualized_at IS NOT NULL"), sa.text("visualized_at IS NULL")

COUNT_UNITS = """
INSERT INTO unit_counts (network_id, layer_index, role, visualized, units, visualizations)
SELECT network_id, layer_index, coalesce(role, ''), visualized_at IS NOT NULL, count(*), sum(visualizations)
FROM units GROUP BY 1, 2, 3, 4
"""
COUNT_RESULTS = """
INSERT INTO result_counts (network_id, layer_index, recipe_key, results)
SELECT network_id, layer_index, recipe_key, count(*)
FROM visualizations JOIN units ON units.id = unit_id GROUP BY 1, 2, 3
"""


def upgrade() -> None:
    op.create_table(
        "unit_counts",
        sa.Column("network_id", ID, nullable=False),
        sa.Column("layer_index", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("visualized", sa.Boolean(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("visualizations", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["network_id"], ["networks.id"], name=op.f("fk_unit_counts_network_id_networks"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("network_id", "layer_index", "role", "visualized", name=op.f("pk_unit_counts")),
    )
    op.create_table(
        "result_counts",
        sa.Column("network_id", ID, nullable=False),
        sa.Column("layer_index", sa.Integer(), nullable=False),
        sa.Column("recipe_key", sa.String(length=64), nullable=False),
        sa.Column("results", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["network_id"], ["networks.id"], name=op.f("fk_result_counts_network_id_networks"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["recipe_key"], ["recipes.key"], name=op.f("fk_result_counts_recipe_key_recipes")),
        sa.PrimaryKeyConstraint("network_id", "layer_index", "recipe_key", name=op.f("pk_result_counts")),
    )
    measured = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    op.add_column("surveys", sa.Column("measured", measured, nullable=True))
    op.execute(COUNT_UNITS)
    op.execute(COUNT_RESULTS)
    for column in OF_UNITS:
        columns = ["network_id", "layer_index", column, "id"]
        op.create_index(f"ix_units_network_id_layer_index_{column}_id", "units", columns)
    for name, where in (("seen", SEEN), ("missing", MISSING)):
        columns = ["network_id", "layer_index", "index"]
        op.create_index(f"ix_units_{name}", "units", columns, sqlite_where=where, postgresql_where=where)
    for column in OF_EVIDENCE:
        op.create_index(
            f"ix_unit_evidence_survey_id_{column}_unit_id", "unit_evidence", ["survey_id", column, "unit_id"]
        )
    op.create_index("ix_jobs_finished_at_id", "jobs", ["finished_at", "id"])
    for column in OF_JOBS:
        op.create_index(f"ix_jobs_{column}_finished_at_id", "jobs", [column, "finished_at", "id"])
    for column in SINGLE:
        op.drop_index(f"ix_jobs_{column}", "jobs")


def downgrade() -> None:
    for column in SINGLE:
        op.create_index(f"ix_jobs_{column}", "jobs", [column])
    for column in OF_JOBS:
        op.drop_index(f"ix_jobs_{column}_finished_at_id", "jobs")
    op.drop_index("ix_jobs_finished_at_id", "jobs")
    for column in OF_EVIDENCE:
        op.drop_index(f"ix_unit_evidence_survey_id_{column}_unit_id", "unit_evidence")
    for name in ("seen", "missing"):
        op.drop_index(f"ix_units_{name}", "units")
    for column in OF_UNITS:
        op.drop_index(f"ix_units_network_id_layer_index_{column}_id", "units")
    op.drop_column("surveys", "measured")
    for table in ("result_counts", "unit_counts"):
        op.drop_table(table)
