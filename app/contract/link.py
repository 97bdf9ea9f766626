"""Short links to views of the dashboard."""

from datetime import datetime

from pydantic import Field, field_validator

from app.contract.model import Model


class Link(Model):
    """A short link to a view: `url` is a path of this dashboard. A saved view is one that a page lists."""

    slug: str
    url: str
    title: str
    description: str
    note: str = ""
    preview: str | None
    created_at: datetime
    saved_at: datetime | None = None


class LinkRequest(Model):
    """Body of POST /api/links."""

    url: str = Field(
        min_length=1,
        max_length=2000,
        description="a page of this dashboard: its path, or its whole address",
        examples=["/i3d/class/175?speed=slow"],
    )
    title: str = Field(min_length=1, max_length=200, examples=["juggling soccer ball, slow"])
    note: str | None = Field(
        default=None,
        max_length=2000,
        description="save the view with this note, which may be empty; only a short link without one",
        examples=["turns upside down even when nothing else moves"],
    )

    @field_validator("title")
    @classmethod
    def one_line(cls, title: str) -> str:
        if not title.strip() or not title.isprintable():
            raise ValueError("write one line of plain text")
        return title.strip()

    @field_validator("note")
    @classmethod
    def plain_text(cls, note: str | None) -> str | None:
        if note is not None and not all(letter.isprintable() or letter in "\n\t" for letter in note.replace("\r", "")):
            raise ValueError("write plain text")
        return note if note is None else note.replace("\r", "").strip()
