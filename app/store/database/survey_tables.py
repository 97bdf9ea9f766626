"""The tables of data sets and surveys. Those of networks, results and jobs are in tables.py."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.store.database.base import Base, Id, Json, MediaReference, UtcDateTime

if TYPE_CHECKING:
    from app.store.database.tables import NetworkRow


# SQLite uses the partial index only for a condition in exactly these words.
IS_GENERIC = text("is_generic")


class DatasetRow(Base):
    """A set of labelled clips. Its classes, in order, and the number of its clips are stored here for listings."""

    __tablename__ = "datasets"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    slug: Mapped[str] = mapped_column(String(63), unique=True)
    title: Mapped[str] = mapped_column(String(120))
    summary: Mapped[str] = mapped_column(Text)
    classes: Mapped[list[str]] = mapped_column(Json)
    clips: Mapped[int] = mapped_column(server_default="0")
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ClipRow(Base):
    """A labelled clip of a data set."""

    __tablename__ = "clips"
    __table_args__ = (
        UniqueConstraint("dataset_id", "name"),
        Index(None, "dataset_id", "label", "id"),
        Index(None, "folded", "id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(200))
    label: Mapped[str] = mapped_column(String(200))
    folded: Mapped[str] = mapped_column(String(200))  # the label without case, spaces and punctuation, to match classes
    source: Mapped[str | None] = mapped_column(Text)  # path of its video in the data set; no page shows it
    group: Mapped[str | None] = mapped_column("group_name", Text)  # clips of one group are not independent

    dataset: Mapped[DatasetRow] = relationship(lazy="raise")


class ClipMediaRow(MediaReference, Base):
    """A medium that shows a clip."""

    __tablename__ = "clip_media"
    __table_args__ = (Index(None, "sha256"),)

    clip_id: Mapped[int] = mapped_column(ForeignKey("clips.id", ondelete="CASCADE"), primary_key=True)


class SurveyRow(Base):
    """A pass of a data set through a network. No page shows it before it is finished (`finished_at`)."""

    __tablename__ = "surveys"
    __table_args__ = (Index(None, "network_id", "finished_at"), Index(None, "dataset_id"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    network_id: Mapped[int] = mapped_column(ForeignKey("networks.id", ondelete="CASCADE"))
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    clips: Mapped[int] = mapped_column(server_default="0")
    accuracy: Mapped[float] = mapped_column(server_default="0")
    seconds: Mapped[float] = mapped_column(server_default="0")
    skipped: Mapped[list[str] | None] = mapped_column(Json)
    recall: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)  # packed float32
    confusion: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)  # packed counts
    streams: Mapped[dict[str, Any] | None] = mapped_column(Json, deferred=True)  # a StreamFacts
    masked: Mapped[list[dict[str, Any]] | None] = mapped_column(Json, deferred=True)  # a MaskedClass each
    selectivity: Mapped[list[dict[str, Any]] | None] = mapped_column(Json, deferred=True)  # a LayerSelectivity each
    measured: Mapped[dict[str, Any] | None] = mapped_column(Json, deferred=True)  # a UnitStatistics
    groups_known: Mapped[bool | None]

    network: Mapped["NetworkRow"] = relationship(lazy="raise")
    dataset: Mapped[DatasetRow] = relationship(lazy="raise")


class SurveyPartRow(Base):
    """A part of a survey that was measured, and what it found of the network as a whole.

    What the first parts found is in columns of `surveys`.
    """

    __tablename__ = "survey_parts"

    survey_id: Mapped[int] = mapped_column(ForeignKey("surveys.id", ondelete="CASCADE"), primary_key=True)
    part: Mapped[str] = mapped_column(String(20), primary_key=True)
    seconds: Mapped[float]
    body: Mapped[Any | None] = mapped_column(Json)  # the field of SurveyFacts that has the part's name
    cost: Mapped[dict[str, Any] | None] = mapped_column(Json)  # the other fields of a MeasuredPart
    omitted: Mapped[dict[str, Any] | None] = mapped_column(Json)  # an OmittedPart, of a part without a result


class FeatureStatisticsRow(Base):
    """The means and variances of a network's features over the clips of a survey, which recipes name by their hash."""

    __tablename__ = "feature_statistics"

    survey_id: Mapped[int] = mapped_column(ForeignKey("surveys.id", ondelete="CASCADE"), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))  # of the data
    data: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)  # safetensors


class PredictionRow(Base):
    """The class that a survey's network predicts for a clip. Classes are numbers on the card."""

    __tablename__ = "answers"
    __table_args__ = (Index(None, "survey_id", "own", "taken", "probability"), Index(None, "clip_id"))

    survey_id: Mapped[int] = mapped_column(ForeignKey("surveys.id", ondelete="CASCADE"), primary_key=True)
    clip_id: Mapped[int] = mapped_column(ForeignKey("clips.id", ondelete="CASCADE"), primary_key=True)
    label: Mapped[int] = mapped_column("own")
    predicted: Mapped[int] = mapped_column("taken")
    probability: Mapped[float]  # of the predicted class
    label_probability: Mapped[float] = mapped_column("own_probability")


class UnitEvidenceRow(Base):
    """What a survey measured on a unit, one number a column.

    The lists over all classes are in a table of their own: here they would make every scan of a column read a hundred
    times as much.
    """

    __tablename__ = "unit_evidence"
    __table_args__ = (
        Index(None, "unit_id"),
        # The units with the lowest and highest values, which the findings show.
        Index(None, "survey_id", "synergy_clips", "unit_id"),
        Index(None, "survey_id", "effective_classes", "unit_id"),
        Index(None, "survey_id", "speed_octaves", "unit_id"),
        Index(None, "survey_id", "static_coding", "unit_id"),
        Index(None, "survey_id", "dynamic_coding", "unit_id"),
    )

    survey_id: Mapped[int] = mapped_column(ForeignKey("surveys.id", ondelete="CASCADE"), primary_key=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id", ondelete="CASCADE"), primary_key=True)
    layer_index: Mapped[int]
    a_hat: Mapped[float]
    a_low: Mapped[float | None]  # of layers with two signs
    mean: Mapped[float]
    firing_rate: Mapped[float]
    effective_classes: Mapped[float]
    role: Mapped[str] = mapped_column(String(10))
    best_class: Mapped[int]
    best_precision: Mapped[float]
    synergy_stimulus: Mapped[float | None]
    synergy_clips: Mapped[float | None]
    swap: Mapped[float | None]
    speed_octaves: Mapped[float | None]
    direction_selectivity: Mapped[float | None]
    map_x: Mapped[float | None]  # position on the map of the network's units, in [0, 1]
    map_y: Mapped[float | None]
    coding: Mapped[str | None] = mapped_column(String(10))  # static, dynamic, joint or residual
    static_coding: Mapped[float | None]
    dynamic_coding: Mapped[float | None]
    interaction: Mapped[float | None]  # share of its variance that neither stream explains by itself
    needed_by: Mapped[int | None]  # number of classes
    gain_slope: Mapped[float | None]
    rate_octaves: Mapped[float | None]
    motion_share: Mapped[float | None]  # of its response
    curves: Mapped[dict[str, Any]] = mapped_column(Json)  # tuning curves, and the most correlated units
    details: Mapped[dict[str, Any] | None] = mapped_column(Json)  # fields of UnitEvidence that only its own page shows


class UnitEvidenceKey:
    """The key columns of tables whose rows belong to a row of `unit_evidence`."""

    survey_id: Mapped[int] = mapped_column(Id, primary_key=True, sort_order=-1)
    unit_id: Mapped[int] = mapped_column(Id, primary_key=True, sort_order=-1)


def unit_evidence_foreign_key() -> ForeignKeyConstraint:
    """Return the constraint that ties the columns of UnitEvidenceKey to their row of `unit_evidence`."""
    return ForeignKeyConstraint(
        ["survey_id", "unit_id"], ["unit_evidence.survey_id", "unit_evidence.unit_id"], ondelete="CASCADE"
    )


class UnitEvidenceByClassRow(UnitEvidenceKey, Base):
    """What a survey measured on a unit for each class of the network, as packed float32."""

    __tablename__ = "unit_evidence_by_class"
    __table_args__ = (unit_evidence_foreign_key(),)

    responses: Mapped[bytes] = mapped_column(LargeBinary)
    maxima: Mapped[bytes] = mapped_column(LargeBinary)
    precision: Mapped[bytes] = mapped_column(LargeBinary)


class UnitClassRow(UnitEvidenceKey, Base):
    """One of the classes that a unit detects best. Pages find the units of a class here."""

    __tablename__ = "unit_classes"
    __table_args__ = (
        unit_evidence_foreign_key(),
        Index(None, "survey_id", "class_index", "precision"),
        Index(None, "survey_id", "class_index", "layer_index", "precision"),
        Index(
            "ix_unit_classes_generic",
            "survey_id",
            "class_index",
            "response",
            sqlite_where=IS_GENERIC,
            postgresql_where=IS_GENERIC,
        ),
    )

    rank: Mapped[int] = mapped_column(primary_key=True)
    class_index: Mapped[int]
    precision: Mapped[float]
    response: Mapped[float]
    layer_index: Mapped[int] = mapped_column(server_default="0")
    is_generic: Mapped[bool] = mapped_column(server_default=false())


class UnitNeedRow(UnitEvidenceKey, Base):
    """A class that needs a unit: its margin falls significantly where the unit is silenced."""

    __tablename__ = "unit_needs"
    __table_args__ = (unit_evidence_foreign_key(), Index(None, "survey_id", "class_index", "unit_id"))

    class_index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    margin_change: Mapped[float]


class ClassAttributionRow(UnitEvidenceKey, Base):
    """One of the classes whose logits a unit changes most, by rank: see worker/evidence/class_attributions.py."""

    __tablename__ = "unit_feeds"
    __table_args__ = (unit_evidence_foreign_key(),)

    rank: Mapped[int] = mapped_column(primary_key=True)
    class_index: Mapped[int]
    weight: Mapped[float | None]
    share: Mapped[float]
    effect: Mapped[float]


class ExtremeClip(UnitEvidenceKey):
    """The columns of a clip that moves a unit far: its rank, its activation, and where and when in it the peak was."""

    rank: Mapped[int] = mapped_column(primary_key=True)
    clip_id: Mapped[int] = mapped_column(ForeignKey("clips.id", ondelete="CASCADE"))
    activation: Mapped[float]
    x: Mapped[float]
    y: Mapped[float]
    time: Mapped[float]
    trace: Mapped[bytes] = mapped_column(LargeBinary)  # packed float32


class TopClipRow(ExtremeClip, Base):
    """One of the clips that excite a unit most, by rank."""

    __tablename__ = "top_clips"
    __table_args__ = (unit_evidence_foreign_key(), Index(None, "clip_id"))


class BottomClipRow(ExtremeClip, Base):
    """One of the clips that lower a unit of a layer with two signs most, by rank."""

    __tablename__ = "bottom_clips"
    __table_args__ = (unit_evidence_foreign_key(), Index(None, "clip_id"))
