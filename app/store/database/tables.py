"""The tables of networks, results and jobs. Only Alembic creates tables: `kinetoscope db upgrade`."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.database.base import Base, Id, Json, MediaReference, UtcDateTime

IS_LIVE = text("state IN ('queued', 'running')")
IS_VISUALIZED, IS_MISSING = text("visualized_at IS NOT NULL"), text("visualized_at IS NULL")


class NetworkRow(Base):
    """A registered network."""

    __tablename__ = "networks"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    slug: Mapped[str] = mapped_column(String(63), unique=True)
    # sha256 of the weights; where another network has the same weights, of these with family and labels
    checksum: Mapped[str] = mapped_column(String(64), unique=True)
    card: Mapped[dict[str, Any]] = mapped_column(
        Json, deferred=True
    )  # read by catalog.networks.card_of, which caches it
    revision: Mapped[int] = mapped_column(server_default="0")  # counts the changes of the card, for caches
    registered_at: Mapped[datetime] = mapped_column(UtcDateTime)


class WeightsRow(Base):
    """A piece of a network's weights, so that a worker on another machine needs nothing but the database."""

    __tablename__ = "weights"

    network_id: Mapped[int] = mapped_column(ForeignKey("networks.id", ondelete="CASCADE"), primary_key=True)
    piece: Mapped[int] = mapped_column(primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class UnitRow(Base):
    """A unit, with what listings show and sort by copied from its results and from the newest survey."""

    __tablename__ = "units"
    __table_args__ = (
        UniqueConstraint("network_id", "layer_index", "index"),
        Index(None, "network_id", "layer", "index"),
        Index(None, "network_id", "visualized_at", "id"),
        Index(None, "network_id", "activation", "id"),
        Index(None, "network_id", "label", "id"),
        Index(None, "network_id", "role", "layer_index", "index"),
        Index(None, "network_id", "effective_classes", "id"),
        Index(None, "network_id", "reach", "id"),
        # The same within a layer, and units with or without visualizations in the order of the network.
        Index(None, "network_id", "layer_index", "visualized_at", "id"),
        Index(None, "network_id", "layer_index", "activation", "id"),
        Index(None, "network_id", "layer_index", "effective_classes", "id"),
        Index(None, "network_id", "layer_index", "reach", "id"),
        Index(
            "ix_units_seen",
            "network_id",
            "layer_index",
            "index",
            sqlite_where=IS_VISUALIZED,
            postgresql_where=IS_VISUALIZED,
        ),
        Index(
            "ix_units_missing",
            "network_id",
            "layer_index",
            "index",
            sqlite_where=IS_MISSING,
            postgresql_where=IS_MISSING,
        ),
        Index(None, "network_id", "map_x", "map_y"),
        Index(None, "network_id", "detects", "layer_index", "index"),
        Index(None, "network_id", "coding", "layer_index", "index"),
        Index(None, "network_id", "needed_by", "id"),
        Index(None, "network_id", "layer_index", "needed_by", "id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    network_id: Mapped[int] = mapped_column(ForeignKey("networks.id", ondelete="CASCADE"))
    layer_index: Mapped[int]
    layer: Mapped[str] = mapped_column(String(200))
    stream: Mapped[str] = mapped_column(String(20))
    index: Mapped[int]
    label: Mapped[str] = mapped_column(String(200), server_default="")
    a_hat: Mapped[float | None]  # this and the next eight columns: from the newest survey
    a_low: Mapped[float | None]
    role: Mapped[str | None] = mapped_column(String(10))
    effective_classes: Mapped[float | None]
    coding: Mapped[str | None] = mapped_column(String(10))  # static, dynamic, joint or residual
    needed_by: Mapped[int | None]  # number of classes
    detects: Mapped[int | None]  # its best class, where its average precision is at least MIN_DETECTION_PRECISION
    map_x: Mapped[float | None]
    map_y: Mapped[float | None]
    visualizations: Mapped[int] = mapped_column(server_default="0")
    visualized_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    activation: Mapped[float | None]  # of its strongest stimulus
    reach: Mapped[float | None]  # activation / a_hat
    poster: Mapped[str | None] = mapped_column(String(64))
    loop: Mapped[str | None] = mapped_column(String(64))


class UnitCountRow(Base):
    """How many units of a layer are alike in all that filters ask of them. Counting `units` reads them all."""

    __tablename__ = "unit_counts"

    network_id: Mapped[int] = mapped_column(ForeignKey("networks.id", ondelete="CASCADE"), primary_key=True)
    layer_index: Mapped[int] = mapped_column(primary_key=True)
    role: Mapped[str] = mapped_column(String(10), primary_key=True)  # empty before a survey
    visualized: Mapped[bool] = mapped_column(primary_key=True)
    coding: Mapped[str] = mapped_column(String(10), primary_key=True)  # empty where it was not measured
    needed_by: Mapped[int] = mapped_column(primary_key=True)  # 3 for more; -1 where it was not measured
    units: Mapped[int]
    visualizations: Mapped[int]  # of these units


class ResultCountRow(Base):
    """How many units of a layer have a result under a recipe, to estimate what a sweep still has to do."""

    __tablename__ = "result_counts"

    network_id: Mapped[int] = mapped_column(ForeignKey("networks.id", ondelete="CASCADE"), primary_key=True)
    layer_index: Mapped[int] = mapped_column(primary_key=True)
    recipe_key: Mapped[str] = mapped_column(ForeignKey("recipes.key"), primary_key=True)
    results: Mapped[int]


class RecipeRow(Base):
    """A resolved recipe under its content hash."""

    __tablename__ = "recipes"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    body: Mapped[dict[str, Any]] = mapped_column(Json)


class MediaRow(Base):
    """The bytes of a picture, video or archive under their sha256."""

    __tablename__ = "media"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    type: Mapped[str] = mapped_column(String(60))
    size: Mapped[int]
    data: Mapped[bytes] = mapped_column(LargeBinary)


class VisualizationRow(Base):
    """A finished result of a unit under a recipe."""

    __tablename__ = "visualizations"
    __table_args__ = (UniqueConstraint("unit_id", "recipe_key"), Index(None, "created_at"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id", ondelete="CASCADE"))
    recipe_key: Mapped[str] = mapped_column(ForeignKey("recipes.key"))
    measurements: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class VisualizationMediaRow(MediaReference, Base):
    """A medium that shows a visualization."""

    __tablename__ = "visualization_media"
    __table_args__ = (Index(None, "sha256"),)

    visualization_id: Mapped[int] = mapped_column(ForeignKey("visualizations.id", ondelete="CASCADE"), primary_key=True)


class JobRow(Base):
    """A request for work, in the states that app/contract/job.py draws."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("uq_jobs_key_live", "key", unique=True, sqlite_where=IS_LIVE, postgresql_where=IS_LIVE),
        Index("ix_jobs_queue", "state", "priority", "id"),
        Index(None, "updated_at"),
        Index(None, "unit_id"),
        Index(None, "dataset_id"),
        # Finished jobs, newest first: all of them, and under each filter.
        Index(None, "finished_at", "id"),
        Index(None, "state", "finished_at", "id"),
        Index(None, "network_id", "finished_at", "id"),
        Index(None, "owner", "finished_at", "id"),
        Index(None, "owner", "state"),
        Index(None, "address", "state"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20))
    key: Mapped[str] = mapped_column(String(200))
    batch_key: Mapped[str] = mapped_column(String(200))
    network_id: Mapped[int | None] = mapped_column(
        ForeignKey("networks.id", ondelete="CASCADE")
    )  # None for a network that is yet to be added
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id", ondelete="CASCADE"))
    recipe_key: Mapped[str | None] = mapped_column(ForeignKey("recipes.key"))
    dataset_id: Mapped[int | None] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    parameters: Mapped[dict[str, Any] | None] = mapped_column(Json)
    priority: Mapped[int]
    attempts: Mapped[int] = mapped_column(server_default="0")  # claims; with the worker, they identify a claim
    deaths: Mapped[int] = mapped_column(server_default="0")  # of workers that computed it alone
    batch_limit: Mapped[int | None]  # size of its batches at most, since a worker died with a larger one
    cancel_requested: Mapped[bool] = mapped_column(server_default=text("false"))
    worker: Mapped[str | None] = mapped_column(String(200))
    progress: Mapped[dict[str, Any] | None] = mapped_column(Json)
    error: Mapped[dict[str, Any] | None] = mapped_column(Json)
    owner: Mapped[str | None] = mapped_column(String(32))  # the browser that asked for it, or a program's address
    address: Mapped[str | None] = mapped_column(String(32))  # id of the network address that it was asked from
    visualization_id: Mapped[int | None] = mapped_column(ForeignKey("visualizations.id", ondelete="SET NULL"))
    answer: Mapped[dict[str, Any] | None] = mapped_column(Json)
    revision: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PreviewRow(Base):
    """The unfinished stimulus of a running job; deleted when the job ends."""

    __tablename__ = "previews"

    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    step: Mapped[int]
    type: Mapped[str] = mapped_column(String(60))
    data: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)


class WorkerRow(Base):
    """A worker process, with the number and the time of its last heartbeat."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    host: Mapped[str] = mapped_column(String(200))
    pid: Mapped[int]
    device: Mapped[str] = mapped_column(String(100))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    heartbeats: Mapped[int] = mapped_column(server_default="0")
    paused: Mapped[str | None] = mapped_column(String(30))  # kind of the error that it waits to pass


class LinkRow(Base):
    """A short link to a view; a saved view where `saved_at` is set."""

    __tablename__ = "links"
    __table_args__ = (UniqueConstraint("fingerprint"), Index(None, "saved_at"))

    slug: Mapped[str] = mapped_column(String(16), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))  # sha256 of address and title: the same view, the same link
    url: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    preview: Mapped[str | None] = mapped_column(String(64))
    note: Mapped[str] = mapped_column(Text, server_default="")
    saved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
