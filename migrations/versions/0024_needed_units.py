"""units by the classes that need them, counts by what units code, and indexes of what they code"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
CODING = ("static_coding", "dynamic_coding")
NEEDED = {"ix_units_network_id_needed_by_id": ["network_id", "needed_by", "id"]}
NEEDED["ix_units_network_id_layer_index_needed_by_id"] = ["network_id", "layer_index", "needed_by", "id"]
ROWS_PER_STATEMENT = 1000

EVIDENCE = sa.table(
    "unit_evidence", *map(sa.column, ("survey_id", "unit_id", "needed_by")), sa.column("details", sa.JSON)
)
NEEDS = sa.table("unit_needs", *map(sa.column, ("survey_id", "unit_id", "class_index", "margin_change")))
COPY_NEEDED = """
UPDATE units SET needed_by = (
  SELECT unit_evidence.needed_by FROM unit_evidence WHERE unit_evidence.unit_id = units.id
  AND unit_evidence.survey_id = (
    SELECT surveys.id FROM surveys WHERE surveys.network_id = units.network_id AND surveys.finished_at IS NOT NULL
    ORDER BY surveys.finished_at DESC, surveys.id DESC LIMIT 1
  )
)
WHERE EXISTS (
  SELECT 1 FROM unit_evidence WHERE unit_evidence.unit_id = units.id AND unit_evidence.needed_by IS NOT NULL
)
"""
COUNT_UNITS = """
INSERT INTO unit_counts (network_id, layer_index, role, visualized, coding, needed_by, units, visualizations)
SELECT network_id, layer_index, coalesce(role, ''), visualized_at IS NOT NULL, coalesce(coding, ''),
  CASE WHEN needed_by > 3 THEN 3 ELSE coalesce(needed_by, -1) END, count(*), sum(visualizations)
FROM units GROUP BY 1, 2, 3, 4, 5, 6
"""
COUNT_UNITS_BEFORE = """
INSERT INTO unit_counts (network_id, layer_index, role, visualized, units, visualizations)
SELECT network_id, layer_index, coalesce(role, ''), visualized_at IS NOT NULL, count(*), sum(visualizations)
FROM units GROUP BY 1, 2, 3, 4
"""


def upgrade() -> None:
    for name in CODING:
        op.create_index(f"ix_unit_evidence_survey_id_{name}_unit_id", "unit_evidence", ["survey_id", name, "unit_id"])
    op.create_table(
        "unit_needs",
        sa.Column("survey_id", ID, nullable=False),
        sa.Column("unit_id", ID, nullable=False),
        sa.Column("class_index", sa.Integer(), nullable=False),
        sa.Column("margin_change", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["survey_id", "unit_id"],
            ["unit_evidence.survey_id", "unit_evidence.unit_id"],
            name=op.f("fk_unit_needs_survey_id_unit_evidence"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("survey_id", "unit_id", "class_index", name=op.f("pk_unit_needs")),
    )
    columns = ["survey_id", "class_index", "unit_id"]
    op.create_index("ix_unit_needs_survey_id_class_index_unit_id", "unit_needs", columns)
    _copy_needs()
    op.add_column("units", sa.Column("needed_by", sa.Integer(), nullable=True))
    op.execute(COPY_NEEDED)
    for name, indexed in NEEDED.items():
        op.create_index(name, "units", indexed)
    _count_units(
        COUNT_UNITS,
        sa.Column("coding", sa.String(10), nullable=False),
        sa.Column("needed_by", sa.Integer(), nullable=False),
    )


def downgrade() -> None:
    _count_units(COUNT_UNITS_BEFORE)
    for name in NEEDED:
        op.drop_index(name, "units")
    op.drop_column("units", "needed_by")
    op.drop_table("unit_needs")
    for name in CODING:
        op.drop_index(f"ix_unit_evidence_survey_id_{name}_unit_id", "unit_evidence")


def _count_units(count: str, *keys: sa.Column[str] | sa.Column[int]) -> None:
    """Make the table of counts anew, with more keys."""
    op.drop_table("unit_counts")
    op.create_table(
        "unit_counts",
        sa.Column("network_id", ID, nullable=False),
        sa.Column("layer_index", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("visualized", sa.Boolean(), nullable=False),
        *keys,
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("visualizations", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["network_id"], ["networks.id"], name=op.f("fk_unit_counts_network_id_networks"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(
            "network_id",
            "layer_index",
            "role",
            "visualized",
            *(str(key.name) for key in keys),
            name=op.f("pk_unit_counts"),
        ),
    )
    op.execute(count)


def _copy_needs() -> None:
    """Copy the classes that need units out of the JSON of their evidence."""
    connection = op.get_bind()
    columns = (EVIDENCE.c.survey_id, EVIDENCE.c.unit_id, EVIDENCE.c.details)
    measured = sa.select(*columns).where(EVIDENCE.c.needed_by > 0, EVIDENCE.c.details.is_not(None))
    rows = []
    for survey, unit, details in connection.execute(measured).all():
        body = json.loads(details) if isinstance(details, str) else details
        rows += [
            {
                "survey_id": survey,
                "unit_id": unit,
                "class_index": need["class_index"],
                "margin_change": need["margin_change"]["value"],
            }
            for need in body["necessity"]["classes"]
            if need["needed"]
        ]
    for first in range(0, len(rows), ROWS_PER_STATEMENT):
        connection.execute(sa.insert(NEEDS), rows[first : first + ROWS_PER_STATEMENT])
