"""evidence"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SORTED_BEFORE = ("visualized_at", "activation", "label")  # of units; a page of a listing goes on from the id too
SORTED = ("effective_classes", "reach")


def upgrade() -> None:
    op.create_table(
        "datasets",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("slug", sa.String(length=63), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("classes", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("clips", sa.Integer(), server_default="0", nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_datasets")),
        sa.UniqueConstraint("slug", name=op.f("uq_datasets_slug")),
    )
    op.create_table(
        "clips",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("dataset_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("folded", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name=op.f("fk_clips_dataset_id_datasets"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clips")),
        sa.UniqueConstraint("dataset_id", "name", name=op.f("uq_clips_dataset_id_name")),
    )
    with op.batch_alter_table("clips", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_clips_dataset_id_label_id"), ["dataset_id", "label", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_clips_folded_id"), ["folded", "id"], unique=False)

    op.create_table(
        "surveys",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("network_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("dataset_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("clips", sa.Integer(), server_default="0", nullable=False),
        sa.Column("accuracy", sa.Double(), server_default="0", nullable=False),
        sa.Column("seconds", sa.Double(), server_default="0", nullable=False),
        sa.Column("skipped", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True),
        sa.Column("recall", sa.LargeBinary(), nullable=True),
        sa.Column("confusion", sa.LargeBinary(), nullable=True),
        sa.Column("streams", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name=op.f("fk_surveys_dataset_id_datasets"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["network_id"], ["networks.id"], name=op.f("fk_surveys_network_id_networks"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_surveys")),
    )
    with op.batch_alter_table("surveys", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_surveys_dataset_id"), ["dataset_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_surveys_network_id_finished_at"), ["network_id", "finished_at"], unique=False
        )

    op.create_table(
        "clip_media",
        sa.Column("clip_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("role", sa.String(length=30), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=60), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("frames", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["clip_id"], ["clips.id"], name=op.f("fk_clip_media_clip_id_clips"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["sha256"], ["media.sha256"], name=op.f("fk_clip_media_sha256_media")),
        sa.PrimaryKeyConstraint("clip_id", "role", name=op.f("pk_clip_media")),
    )
    with op.batch_alter_table("clip_media", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_clip_media_sha256"), ["sha256"], unique=False)

    op.create_table(
        "unit_evidence",
        sa.Column("survey_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("unit_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("layer_index", sa.Integer(), nullable=False),
        sa.Column("a_hat", sa.Double(), nullable=False),
        sa.Column("mean", sa.Double(), nullable=False),
        sa.Column("firing_rate", sa.Double(), nullable=False),
        sa.Column("effective_classes", sa.Double(), nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("best_class", sa.Integer(), nullable=False),
        sa.Column("best_precision", sa.Double(), nullable=False),
        sa.Column("synergy_stimulus", sa.Double(), nullable=True),
        sa.Column("synergy_clips", sa.Double(), nullable=True),
        sa.Column("swap", sa.Double(), nullable=True),
        sa.Column("speed_octaves", sa.Double(), nullable=True),
        sa.Column("direction_selectivity", sa.Double(), nullable=True),
        sa.Column("curves", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(
            ["survey_id"], ["surveys.id"], name=op.f("fk_unit_evidence_survey_id_surveys"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["units.id"], name=op.f("fk_unit_evidence_unit_id_units"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("survey_id", "unit_id", name=op.f("pk_unit_evidence")),
    )
    with op.batch_alter_table("unit_evidence", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_unit_evidence_unit_id"), ["unit_id"], unique=False)

    op.create_table(
        "top_clips",
        sa.Column("survey_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("unit_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("clip_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("activation", sa.Double(), nullable=False),
        sa.Column("x", sa.Double(), nullable=False),
        sa.Column("y", sa.Double(), nullable=False),
        sa.Column("time", sa.Double(), nullable=False),
        sa.Column("trace", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["clip_id"], ["clips.id"], name=op.f("fk_top_clips_clip_id_clips"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["survey_id", "unit_id"],
            ["unit_evidence.survey_id", "unit_evidence.unit_id"],
            name=op.f("fk_top_clips_survey_id_unit_evidence"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("survey_id", "unit_id", "rank", name=op.f("pk_top_clips")),
    )
    with op.batch_alter_table("top_clips", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_top_clips_clip_id"), ["clip_id"], unique=False)

    op.create_table(
        "unit_classes",
        sa.Column("survey_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("unit_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("class_index", sa.Integer(), nullable=False),
        sa.Column("precision", sa.Double(), nullable=False),
        sa.Column("response", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["survey_id", "unit_id"],
            ["unit_evidence.survey_id", "unit_evidence.unit_id"],
            name=op.f("fk_unit_classes_survey_id_unit_evidence"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("survey_id", "unit_id", "rank", name=op.f("pk_unit_classes")),
    )
    with op.batch_alter_table("unit_classes", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_unit_classes_survey_id_class_index_precision"),
            ["survey_id", "class_index", "precision"],
            unique=False,
        )

    op.create_table(
        "unit_evidence_by_class",
        sa.Column("survey_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("unit_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("responses", sa.LargeBinary(), nullable=False),
        sa.Column("maxima", sa.LargeBinary(), nullable=False),
        sa.Column("precision", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["survey_id", "unit_id"],
            ["unit_evidence.survey_id", "unit_evidence.unit_id"],
            name=op.f("fk_unit_evidence_by_class_survey_id_unit_evidence"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("survey_id", "unit_id", name=op.f("pk_unit_evidence_by_class")),
    )
    # The table is made anew on SQLite, which takes its previews along: they are of running jobs alone, and come again.
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("network_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )
        batch_op.add_column(
            sa.Column("dataset_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )
        batch_op.add_column(
            sa.Column("parameters", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True)
        )
        batch_op.add_column(sa.Column("owner", sa.String(length=32), nullable=True))
        batch_op.add_column(
            sa.Column("answer", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True)
        )
    op.execute("UPDATE jobs SET network_id = (SELECT network_id FROM units WHERE units.id = jobs.unit_id)")
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.alter_column("network_id", existing_type=sa.BigInteger(), nullable=False)
        batch_op.alter_column("unit_id", existing_type=sa.BigInteger(), nullable=True)
        batch_op.alter_column("recipe_key", existing_type=sa.String(length=64), nullable=True)
        batch_op.create_index(batch_op.f("ix_jobs_dataset_id"), ["dataset_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_jobs_network_id"), ["network_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_jobs_owner"), ["owner"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_jobs_dataset_id_datasets"), "datasets", ["dataset_id"], ["id"], ondelete="CASCADE"
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_jobs_network_id_networks"), "networks", ["network_id"], ["id"], ondelete="CASCADE"
        )

    with op.batch_alter_table("links", schema=None) as batch_op:
        batch_op.add_column(sa.Column("note", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("saved_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index(batch_op.f("ix_links_saved_at"), ["saved_at"], unique=False)
    with op.batch_alter_table("units", schema=None) as batch_op:
        batch_op.add_column(sa.Column("role", sa.String(length=10), nullable=True))
        batch_op.add_column(sa.Column("effective_classes", sa.Double(), nullable=True))
        batch_op.add_column(sa.Column("reach", sa.Double(), nullable=True))
    for column in SORTED_BEFORE:
        op.drop_index(f"ix_units_network_id_{column}", "units")
    for column in (*SORTED_BEFORE, *SORTED):
        op.create_index(f"ix_units_network_id_{column}_id", "units", ["network_id", column, "id"])
    op.create_index(
        "ix_units_network_id_role_layer_index_index", "units", ["network_id", "role", "layer_index", "index"]
    )

    # After the jobs, which on SQLite are made anew.
    op.create_table(
        "uploads",
        sa.Column("job_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_uploads_job_id_jobs"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_uploads")),
    )
    op.create_table(
        "explanations",
        sa.Column("job_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("body", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_explanations_job_id_jobs"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_explanations")),
    )
    op.create_table(
        "explanation_media",
        sa.Column("job_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("role", sa.String(length=30), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=60), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("frames", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_explanation_media_job_id_jobs"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["sha256"], ["media.sha256"], name=op.f("fk_explanation_media_sha256_media")),
        sa.PrimaryKeyConstraint("job_id", "role", name=op.f("pk_explanation_media")),
    )
    op.create_index("ix_explanation_media_sha256", "explanation_media", ["sha256"])


def downgrade() -> None:
    for table in ("explanation_media", "explanations", "uploads"):
        op.drop_table(table)
    op.execute("DELETE FROM jobs WHERE unit_id IS NULL")
    op.drop_index("ix_links_saved_at", "links")
    for column in ("saved_at", "note"):
        op.drop_column("links", column)
    # Not in a batch, which on SQLite makes the table anew and takes all that hangs on it along.
    op.drop_index("ix_units_network_id_role_layer_index_index", "units")
    for column in (*SORTED_BEFORE, *SORTED):
        op.drop_index(f"ix_units_network_id_{column}_id", "units")
    for column in SORTED_BEFORE:
        op.create_index(f"ix_units_network_id_{column}", "units", ["network_id", column])
    for column in ("reach", "effective_classes", "role"):
        op.drop_column("units", column)
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_jobs_network_id_networks"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_jobs_dataset_id_datasets"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_jobs_owner"))
        batch_op.drop_index(batch_op.f("ix_jobs_network_id"))
        batch_op.drop_index(batch_op.f("ix_jobs_dataset_id"))
        batch_op.alter_column("recipe_key", existing_type=sa.String(length=64), nullable=False)
        batch_op.alter_column("unit_id", existing_type=sa.BigInteger(), nullable=False)
        for column in ("answer", "owner", "parameters", "dataset_id", "network_id"):
            batch_op.drop_column(column)

    op.drop_table("unit_evidence_by_class")
    with op.batch_alter_table("unit_classes", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_unit_classes_survey_id_class_index_precision"))

    op.drop_table("unit_classes")
    with op.batch_alter_table("top_clips", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_top_clips_clip_id"))

    op.drop_table("top_clips")
    with op.batch_alter_table("unit_evidence", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_unit_evidence_unit_id"))

    op.drop_table("unit_evidence")
    with op.batch_alter_table("clip_media", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_clip_media_sha256"))

    op.drop_table("clip_media")
    with op.batch_alter_table("surveys", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_surveys_network_id_finished_at"))
        batch_op.drop_index(batch_op.f("ix_surveys_dataset_id"))

    op.drop_table("surveys")
    with op.batch_alter_table("clips", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_clips_folded_id"))
        batch_op.drop_index(batch_op.f("ix_clips_dataset_id_label_id"))

    op.drop_table("clips")
    op.drop_table("datasets")
