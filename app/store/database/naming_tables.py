"""The tables of naming by people: sessions, and their trials with the answers."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.store.database.base import Base, Json, UtcDateTime


class NamingSessionRow(Base):
    """A person's session. Its id is a random number, which only that person is told."""

    __tablename__ = "naming_sessions"
    __table_args__ = (Index(None, "network_id"), Index(None, "owner"), Index(None, "address"))

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    network_id: Mapped[int] = mapped_column(ForeignKey("networks.id", ondelete="CASCADE"))
    owner: Mapped[str] = mapped_column(String(32))  # the browser, or a program's address
    address: Mapped[str] = mapped_column(String(32))  # id of the network address
    request: Mapped[dict[str, Any]] = mapped_column(Json)  # a NamingRequest
    seed: Mapped[int]
    trials: Mapped[int]
    answered: Mapped[int] = mapped_column(server_default="0")
    state: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class NamingTrialRow(Base):
    """A trial of a session and its answer. Class, recipe and seed stay when the result is removed."""

    __tablename__ = "naming_trials"
    __table_args__ = (Index(None, "visualization_id"),)

    session_id: Mapped[str] = mapped_column(ForeignKey("naming_sessions.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    visualization_id: Mapped[int | None] = mapped_column(ForeignKey("visualizations.id", ondelete="SET NULL"))
    class_index: Mapped[int]
    recipe_key: Mapped[str] = mapped_column(ForeignKey("recipes.key"))
    recipe_seed: Mapped[int]
    is_control: Mapped[bool]
    seed: Mapped[int]
    issued_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answer: Mapped[int | None]
    words: Mapped[str | None] = mapped_column(String(200))
    is_right: Mapped[bool | None]
    seconds: Mapped[float | None]
