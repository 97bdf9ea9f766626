"""Media bytes, addressed by their sha256: a result can never point at a missing file."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, delete, exists, insert, select
from sqlalchemy.orm import InstrumentedAttribute

from app.contract.errors import Missing
from app.contract.result import MediaContent, MediaRef, MediaRole, RenderedMedia
from app.store.database.chunks import chunks
from app.store.database.session import Session
from app.store.database.survey_tables import ClipMediaRow
from app.store.database.tables import LinkRow, MediaRow, VisualizationMediaRow
from app.store.database.upload_tables import ExplanationMediaRow
from app.store.database.upsert import insert_missing

ShownRow = VisualizationMediaRow | ClipMediaRow | ExplanationMediaRow
GONE = "There is no such picture here; the result it belonged to may have been removed."
SOME = select(MediaRow.sha256, MediaRow.type, MediaRow.data).where(
    MediaRow.sha256.in_(bindparam("names", expanding=True))
)
CHUNK = 500  # owners whose media are looked up together


def put_medium(session: Session, *, type: str, data: bytes) -> str:
    """Store the bytes once; gives their sha256."""
    sha256 = hashlib.sha256(data).hexdigest()
    insert_missing(session, MediaRow, [{"sha256": sha256, "type": type, "size": len(data), "data": data}])
    return sha256


def put_media(
    session: Session,
    *,
    table: type[ShownRow],
    owner: Mapping[str, int],
    media: Iterable[RenderedMedia],
) -> dict[MediaRole, str]:
    """Store what shows the owner (its key column and id); gives the sha256 by role."""
    shown = {}
    for medium in media:
        shown[medium.role] = sha256 = put_medium(session, type=medium.type, data=medium.data)
        reference = {
            **owner,
            "role": medium.role.value,
            "sha256": sha256,
            "type": medium.type,
            "size": len(medium.data),
            "width": medium.width,
            "height": medium.height,
            "frames": medium.frames,
        }
        session.execute(insert(table), [reference])
    return shown


def media_of(
    session: Session, owner: InstrumentedAttribute[int], ids: Iterable[int], roles: tuple[MediaRole, ...] = ()
) -> dict[int, tuple[MediaRef, ...]]:
    """What shows each of these owners, all of it or in these roles; `owner`: the column that names them, of the table
    of their media.
    """
    found: dict[int, list[MediaRef]] = {id: [] for id in ids}
    for some in chunks(found, CHUNK):
        rows = session.read(_shown(owner, roles), {"owners": some}).all()
        for id, role, sha256, type, size, width, height, frames in rows:
            ref = MediaRef(role=role, sha256=sha256, type=type, size=size, width=width, height=height, frames=frames)
            found[id].append(ref)
    return {id: tuple(refs) for id, refs in found.items()}


@cache
def _shown(owner: InstrumentedAttribute[int], roles: tuple[MediaRole, ...]) -> Select[*tuple[Any, ...]]:
    """Put together once."""
    columns = [getattr(owner.class_, name) for name in MediaRef.model_fields]
    only = [owner.class_.role.in_(roles)] if roles else []
    return select(owner, *columns).where(owner.in_(bindparam("owners", expanding=True)), *only)


def get_medium(session: Session, *, sha256: str) -> MediaContent:
    row = session.get(MediaRow, sha256)
    if row is None:
        raise Missing(GONE)
    return MediaContent(type=row.type, data=row.data)


def get_media(session: Session, *, sha256s: Collection[str]) -> dict[str, MediaContent]:
    """Several, such as one result's, by their sha256."""
    rows = session.read(SOME, {"names": list(sha256s)})
    found = {sha256: MediaContent(type=type, data=data) for sha256, type, data in rows}
    if set(sha256s) - found.keys():
        raise Missing(GONE)
    return found


def drop_orphans(session: Session) -> None:
    """Delete media that no result, clip or link shows any more."""
    session.execute(
        delete(MediaRow).where(
            ~exists().where(VisualizationMediaRow.sha256 == MediaRow.sha256),
            ~exists().where(ClipMediaRow.sha256 == MediaRow.sha256),
            ~exists().where(ExplanationMediaRow.sha256 == MediaRow.sha256),
            ~exists().where(LinkRow.preview == MediaRow.sha256),
        )
    )
