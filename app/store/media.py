"""Media bytes, addressed by their sha256: a result can never point at a missing file."""

import hashlib

from sqlalchemy import delete, exists
from sqlalchemy.orm import Session

from app.contract.errors import Missing
from app.contract.result import Medium
from app.store.tables import LinkRow, MediaRow, VisualizationMediaRow
from app.store.upsert import insert_missing


def put_medium(session: Session, *, type: str, data: bytes) -> str:
    """Store the bytes once; gives their sha256."""
    sha256 = hashlib.sha256(data).hexdigest()
    insert_missing(session, MediaRow, [{"sha256": sha256, "type": type, "size": len(data), "data": data}])
    return sha256


def get_medium(session: Session, *, sha256: str) -> Medium:
    row = session.get(MediaRow, sha256)
    if row is None:
        raise Missing("There is no such picture here; the result it belonged to may have been removed.")
    return Medium(type=row.type, data=row.data)


def drop_orphans(session: Session) -> None:
    """Delete media that no result and no link shows any more."""
    session.execute(
        delete(MediaRow).where(
            ~exists().where(VisualizationMediaRow.sha256 == MediaRow.sha256),
            ~exists().where(LinkRow.preview == MediaRow.sha256),
        )
    )
