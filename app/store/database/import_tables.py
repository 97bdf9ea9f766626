"""The tables of bundles that were imported: who brought which results, and from where."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.database.base import Base, Id, UtcDateTime


class ImportRow(Base):
    """A bundle that was imported, once for each time that it brought something."""

    __tablename__ = "imports"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    file: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))  # of the file
    source: Mapped[str] = mapped_column(Text, server_default="")  # address of the server where it was made
    imported_by: Mapped[str] = mapped_column(Text)  # account of the machine that ran the command
    imported_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ImportedVisualizationRow(Base):
    """A visualization that was imported, and not computed here."""

    __tablename__ = "imported_visualizations"
    __table_args__ = (Index(None, "import_id"),)

    visualization_id: Mapped[int] = mapped_column(
        Id, ForeignKey("visualizations.id", ondelete="CASCADE"), primary_key=True
    )
    import_id: Mapped[int] = mapped_column(Id, ForeignKey("imports.id"))


class ImportedSurveyRow(Base):
    """A survey that was imported, and not measured here."""

    __tablename__ = "imported_surveys"
    __table_args__ = (Index(None, "import_id"),)

    survey_id: Mapped[int] = mapped_column(Id, ForeignKey("surveys.id", ondelete="CASCADE"), primary_key=True)
    import_id: Mapped[int] = mapped_column(Id, ForeignKey("imports.id"))
