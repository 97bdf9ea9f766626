"""The tables. Alembic alone creates them: `kinetoscope db upgrade`."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    and_,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, foreign, mapped_column, relationship


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC times in both databases; SQLite itself keeps no time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value and (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC))


Json = JSON().with_variant(JSONB(), "postgresql")
Id = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers rows by INTEGER keys alone

LIVE = text("state IN ('queued', 'running')")


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class NetworkRow(Base):
    __tablename__ = "networks"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    slug: Mapped[str] = mapped_column(String(63), unique=True)
    checksum: Mapped[str] = mapped_column(String(64), unique=True)
    card: Mapped[dict[str, Any]] = mapped_column(Json)
    registered_at: Mapped[datetime] = mapped_column(UtcDateTime)


class WeightsRow(Base):
    """Weights in pieces, so that a worker on another machine needs the database and nothing else."""

    __tablename__ = "weights"

    network_id: Mapped[int] = mapped_column(ForeignKey("networks.id", ondelete="CASCADE"), primary_key=True)
    piece: Mapped[int] = mapped_column(primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class UnitRow(Base):
    """A unit, with what listings sort and show kept beside it."""

    __tablename__ = "units"
    __table_args__ = (
        UniqueConstraint("network_id", "layer_index", "index"),
        Index(None, "network_id", "layer", "index"),
        Index(None, "network_id", "visualized_at"),
        Index(None, "network_id", "activation"),
        Index(None, "network_id", "label"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    network_id: Mapped[int] = mapped_column(ForeignKey("networks.id", ondelete="CASCADE"))
    layer_index: Mapped[int]
    layer: Mapped[str] = mapped_column(String(200))
    stream: Mapped[str] = mapped_column(String(20))
    index: Mapped[int]
    label: Mapped[str] = mapped_column(String(200), server_default="")
    a_hat: Mapped[float | None]
    visualizations: Mapped[int] = mapped_column(server_default="0")
    visualized_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    activation: Mapped[float | None]  # the strongest of its stimuli
    poster: Mapped[str | None] = mapped_column(String(64))
    loop: Mapped[str | None] = mapped_column(String(64))

    network: Mapped[NetworkRow] = relationship(lazy="raise")


class RecipeRow(Base):
    __tablename__ = "recipes"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    body: Mapped[dict[str, Any]] = mapped_column(Json)


class MediaRow(Base):
    __tablename__ = "media"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    type: Mapped[str] = mapped_column(String(60))
    size: Mapped[int]
    data: Mapped[bytes] = mapped_column(LargeBinary)


class VisualizationRow(Base):
    __tablename__ = "visualizations"
    __table_args__ = (UniqueConstraint("unit_id", "recipe_key"), Index(None, "created_at"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id", ondelete="CASCADE"))
    recipe_key: Mapped[str] = mapped_column(ForeignKey("recipes.key"))
    measurements: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    unit: Mapped[UnitRow] = relationship(lazy="raise")
    recipe: Mapped[RecipeRow] = relationship(lazy="raise")
    media: Mapped[list["VisualizationMediaRow"]] = relationship(lazy="raise")


class VisualizationMediaRow(Base):
    __tablename__ = "visualization_media"
    __table_args__ = (Index(None, "sha256"),)

    visualization_id: Mapped[int] = mapped_column(ForeignKey("visualizations.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[str] = mapped_column(String(30), primary_key=True)
    sha256: Mapped[str] = mapped_column(ForeignKey("media.sha256"))
    type: Mapped[str] = mapped_column(String(60))
    size: Mapped[int]
    width: Mapped[int]
    height: Mapped[int]
    frames: Mapped[int]


class JobRow(Base):
    __tablename__ = "jobs"
    __table_args__ = (
        Index("uq_jobs_key_live", "key", unique=True, sqlite_where=LIVE, postgresql_where=LIVE),
        Index("ix_jobs_queue", "state", "priority", "id"),
        Index(None, "updated_at"),
        Index(None, "unit_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20))
    key: Mapped[str] = mapped_column(String(200))
    batch_key: Mapped[str] = mapped_column(String(200))
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id", ondelete="CASCADE"))
    recipe_key: Mapped[str] = mapped_column(ForeignKey("recipes.key"))
    priority: Mapped[int]
    attempts: Mapped[int] = mapped_column(server_default="0")
    cancel_requested: Mapped[bool] = mapped_column(server_default=text("false"))
    worker: Mapped[str | None] = mapped_column(String(200))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    progress: Mapped[dict[str, Any] | None] = mapped_column(Json)
    error: Mapped[dict[str, Any] | None] = mapped_column(Json)
    visualization_id: Mapped[int | None] = mapped_column(ForeignKey("visualizations.id", ondelete="SET NULL"))
    revision: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)

    unit: Mapped[UnitRow] = relationship(lazy="raise")
    recipe: Mapped[RecipeRow] = relationship(lazy="raise")
    preview: Mapped["PreviewRow | None"] = relationship(lazy="raise")
    poster: Mapped[VisualizationMediaRow | None] = relationship(
        primaryjoin=lambda: and_(
            foreign(JobRow.visualization_id) == VisualizationMediaRow.visualization_id,
            VisualizationMediaRow.role == "poster",
        ),
        viewonly=True,
        lazy="raise",
    )


class PreviewRow(Base):
    """The growing stimulus of a running job; gone when the job ends."""

    __tablename__ = "previews"

    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    step: Mapped[int]
    type: Mapped[str] = mapped_column(String(60))
    data: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)


class WorkerRow(Base):
    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    host: Mapped[str] = mapped_column(String(200))
    pid: Mapped[int]
    device: Mapped[str] = mapped_column(String(100))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class LinkRow(Base):
    __tablename__ = "links"
    __table_args__ = (UniqueConstraint("fingerprint"),)

    slug: Mapped[str] = mapped_column(String(16), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))  # sha256 of address and title: the same view, the same link
    url: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    preview: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
