"""The tables of uploaded clips and their explanations; each row belongs to the job that explains the clip."""

from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from app.store.database.base import Base, Id, Json, MediaReference


class UploadRow(Base):
    """An uploaded file, unchanged, for the worker to read. It is deleted when the job ends, in whatever state."""

    __tablename__ = "uploads"

    job_id: Mapped[int] = mapped_column(Id, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class ExplanationRow(Base):
    """The explanation of an uploaded clip, as JSON (`contract.explanation.Explanation`)."""

    __tablename__ = "explanations"

    job_id: Mapped[int] = mapped_column(Id, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    body: Mapped[dict[str, Any]] = mapped_column(Json)


class ExplanationMediaRow(MediaReference, Base):
    """A medium that shows the clip as the network saw it."""

    __tablename__ = "explanation_media"
    __table_args__ = (Index(None, "sha256"),)

    job_id: Mapped[int] = mapped_column(Id, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
