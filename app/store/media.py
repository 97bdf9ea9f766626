"""Media bytes, addressed by their sha256: a result can never point at a missing file."""

import hashlib
from collections.abc import Iterable, Mapping

from sqlalchemy import delete, exists, insert, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.contract.errors import Missing
from app.contract.result import MediaRef, Medium, RenderedMedia, Role
from app.store.chunks import chunks
from app.store.clip_tables import ExplanationMediaRow
from app.store.evidence_tables import ClipMediaRow
from app.store.tables import LinkRow, MediaRow, VisualizationMediaRow
from app.store.upsert import insert_missing

ShownRow = VisualizationMediaRow | ClipMediaRow | ExplanationMediaRow
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
) -> dict[Role, str]:
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
    session: Session, owner: InstrumentedAttribute[int], ids: Iterable[int]
) -> dict[int, tuple[MediaRef, ...]]:
    """What shows each of these owners; `owner`: the column that names them, of the table of their media."""
    columns = [getattr(owner.class_, name) for name in MediaRef.model_fields]
    found: dict[int, list[MediaRef]] = {id: [] for id in ids}
    for some in chunks(found, CHUNK):
        for id, *values in session.execute(select(owner, *columns).where(owner.in_(some))):
            found[id].append(MediaRef(**dict(zip(MediaRef.model_fields, values, strict=True))))
    return {id: tuple(refs) for id, refs in found.items()}


def get_medium(session: Session, *, sha256: str) -> Medium:
    row = session.get(MediaRow, sha256)
    if row is None:
        raise Missing("There is no such picture here; the result it belonged to may have been removed.")
    return Medium(type=row.type, data=row.data)


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
