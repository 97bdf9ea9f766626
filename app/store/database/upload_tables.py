"""The tables of clips that people ask about: each belongs to the job that explains it."""

from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from app.store.database.base import Base, Id, Json, Shown


class UploadRow(Base):
    """A person's file as it came, for the worker alone; gone when the job ends, however it ends."""

    __tablename__ = "uploads"

    job_id: Mapped[int] = mapped_column(Id, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class ExplanationRow(Base):
    __tablename__ = "explanations"

    job_id: Mapped[int] = mapped_column(Id, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    body: Mapped[dict[str, Any]] = mapped_column(Json)


class ExplanationMediaRow(Shown, Base):
    """The clip as the network saw it."""

    __tablename__ = "explanation_media"
    __table_args__ = (Index(None, "sha256"),)

    job_id: Mapped[int] = mapped_column(Id, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
