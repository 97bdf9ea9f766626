"""Short links to views."""

import hashlib
import secrets

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.contract.errors import Missing
from app.contract.job import Link
from app.store.engine import now
from app.store.tables import LinkRow
from app.store.upsert import insert_missing

ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # no look-alikes


def create_link(session: Session, *, url: str, title: str, description: str = "", preview: str | None = None) -> Link:
    """A short link; the same address and title give the same one."""
    fingerprint = hashlib.sha256(f"{url}\n{title}".encode()).hexdigest()
    slug = "".join(secrets.choice(ALPHABET) for _ in range(8))
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
    return _link(session.scalars(select(LinkRow).where(LinkRow.fingerprint == fingerprint)).one())


def get_link(session: Session, *, slug: str) -> Link:
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
        preview=row.preview,
        created_at=row.created_at,
    )
