"""best detectors by layer, and the generic units of a class"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BY_LAYER = "ix_unit_classes_survey_id_class_index_layer_index_precision"
GENERIC = "ix_unit_classes_generic"

# The rows of surveys that were made before; one statement in the words of both databases.
FILL = """
UPDATE unit_classes SET layer_index = found.layer_index, is_generic = found.role = 'generic'
FROM unit_evidence AS found
WHERE found.survey_id = unit_classes.survey_id AND found.unit_id = unit_classes.unit_id
"""


def upgrade() -> None:
    op.add_column("unit_classes", sa.Column("layer_index", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("unit_classes", sa.Column("is_generic", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute(FILL)
    op.create_index(BY_LAYER, "unit_classes", ["survey_id", "class_index", "layer_index", "precision"])
    where = sa.text("is_generic")
    op.create_index(
        GENERIC,
        "unit_classes",
        ["survey_id", "class_index", "response"],
        sqlite_where=where,
        postgresql_where=where,
    )


def downgrade() -> None:
    op.drop_index(GENERIC, "unit_classes")
    op.drop_index(BY_LAYER, "unit_classes")
    op.drop_column("unit_classes", "is_generic")
    op.drop_column("unit_classes", "layer_index")
