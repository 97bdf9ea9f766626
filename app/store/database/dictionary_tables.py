"""The tables of dictionaries: layers of directions that are learned from a network's activations, or brought to it."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.store.database.base import Base, Id, Json, UtcDateTime


class DictionaryRow(Base):
    """A dictionary of a network. Its layer stands on the network's card, its directions among the units."""

    __tablename__ = "dictionaries"
    __table_args__ = (UniqueConstraint("network_id", "layer"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    network_id: Mapped[int] = mapped_column(ForeignKey("networks.id", ondelete="CASCADE"))
    layer: Mapped[str] = mapped_column(String(200))
    size: Mapped[int]
    dataset: Mapped[str | None] = mapped_column(String(63))  # a slug: the data set may be removed
    settings: Mapped[dict[str, Any]] = mapped_column(Json)
    measures: Mapped[dict[str, Any] | None] = mapped_column(Json)  # a DictionaryMeasures
    probe: Mapped[dict[str, Any] | None] = mapped_column(Json)  # a ProbeMeasures
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class DictionaryPieceRow(Base):
    """A piece of a dictionary's file, as `weights` has pieces of a network's."""

    __tablename__ = "dictionary_pieces"

    dictionary_id: Mapped[int] = mapped_column(ForeignKey("dictionaries.id", ondelete="CASCADE"), primary_key=True)
    piece: Mapped[int] = mapped_column(primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class DirectionChannelsRow(Base):
    """The channels that a direction of a dictionary is nearest to, as pairs of channel and cosine."""

    __tablename__ = "direction_channels"

    dictionary_id: Mapped[int] = mapped_column(ForeignKey("dictionaries.id", ondelete="CASCADE"), primary_key=True)
    direction: Mapped[int] = mapped_column(primary_key=True)
    channels: Mapped[list[list[float]]] = mapped_column(Json)
