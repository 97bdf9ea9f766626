"""Short links to views. A saved view is a link that has the time at which it was saved, and may have a note."""

import hashlib
import secrets

from sqlalchemy import func, select

from app.contract.errors import Missing
from app.contract.link import Link
from app.contract.model import Paginated
from app.store.database.clock import now
from app.store.database.session import Session
from app.store.database.tables import LinkRow
from app.store.database.upsert import insert_missing

SLUG_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # without letters and digits that look alike
SLUG_LENGTH = 8  # characters


def create_link(
    session: Session,
    *,
    url: str,
    title: str,
    description: str = "",
    preview: str | None = None,
    note: str | None = None,
) -> Link:
    """Return a short link, the same one for the same address and title. With a note, even empty, save the view."""
    fingerprint = hashlib.sha256(f"{url}\n{title}".encode()).hexdigest()
    slug = "".join(secrets.choice(SLUG_ALPHABET) for _ in range(SLUG_LENGTH))
    row = {
        "slug": slug,
        "fingerprint": fingerprint,
        "url": url,
        "title": title,
        "description": description,
        "preview": preview,
        "created_at": now(session),
    }
    insert_missing(session, LinkRow, [row])
    link = session.scalars(select(LinkRow).where(LinkRow.fingerprint == fingerprint)).one()
    if note is not None:
        link.note = note
        link.saved_at = link.saved_at or now(session)
        session.flush()
    return _link(link)


def list_saved_links(session: Session, *, page: int = 1, per_page: int = 30) -> Paginated[Link]:
    """Return a page of saved views, newest first."""
    is_saved = LinkRow.saved_at.is_not(None)
    total = session.scalar(select(func.count()).select_from(LinkRow).where(is_saved)) or 0
    first = (page - 1) * per_page
    rows = session.scalars(
        select(LinkRow).where(is_saved).order_by(LinkRow.saved_at.desc(), LinkRow.slug).offset(first).limit(per_page)
    )
    return Paginated(
        items=tuple(_link(row) for row in rows), total=total, next=page + 1 if first + per_page < total else None
    )


def unsave_link(session: Session, *, slug: str) -> None:
    """Remove a view from the saved views; its short link goes on working. Raises Missing."""
    row = session.get(LinkRow, slug)
    if row is None or row.saved_at is None:
        raise Missing(f"There is no saved view {slug!r}.")
    row.saved_at = None
    row.note = ""


def get_link(session: Session, *, slug: str) -> Link:
    """Return a link by its slug. Raises Missing."""
    row = session.get(LinkRow, slug)
    if row is None:
        raise Missing(f"There is no link {slug!r}.")
    return _link(row)


def _link(row: LinkRow) -> Link:
    return Link(
        slug=row.slug,
        url=row.url,
        title=row.title,
        description=row.description,
        note=row.note,
        preview=row.preview,
        created_at=row.created_at,
        saved_at=row.saved_at,
    )
