"""Stores media under their sha256, and which of them show a result, a clip or an explanation."""

import hashlib
from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import delete, exists, insert, select
from sqlalchemy.orm import InstrumentedAttribute

from app.contract.errors import Missing
from app.contract.result import MediaContent, MediaRef, MediaRole, RenderedMedia
from app.store.database.chunks import chunks
from app.store.database.session import Session
from app.store.database.survey_tables import ClipMediaRow
from app.store.database.tables import LinkRow, MediaRow, VisualizationMediaRow
from app.store.database.upload_tables import ExplanationMediaRow
from app.store.database.upsert import insert_missing

MediaReferenceRow = VisualizationMediaRow | ClipMediaRow | ExplanationMediaRow
OWNERS_PER_STATEMENT = 500  # results, clips or explanations
MISSING_MEDIUM = "There is no such picture here; the result it belonged to may have been removed."


def put_medium(session: Session, *, type: str, data: bytes) -> str:
    """Store the bytes, unless they are stored already, and return their sha256."""
    sha256 = hashlib.sha256(data).hexdigest()
    insert_missing(session, MediaRow, [{"sha256": sha256, "type": type, "size": len(data), "data": data}])
    return sha256


def put_media(
    session: Session,
    *,
    table: type[MediaReferenceRow],
    owner: Mapping[str, int],
    media: Iterable[RenderedMedia],
) -> dict[MediaRole, str]:
    """Store media that show an owner, named by its key column and id, and return their sha256 by role."""
    stored = {}
    for medium in media:
        stored[medium.role] = sha256 = put_medium(session, type=medium.type, data=medium.data)
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
    return stored


def media_by_owner(
    session: Session, owner: InstrumentedAttribute[int], ids: Iterable[int], roles: tuple[MediaRole, ...] = ()
) -> dict[int, tuple[MediaRef, ...]]:
    """Return the media that show each of these owners, in these roles or in all.

    `owner` is the column of the owner's id in one of the tables of media references.
    """
    table = owner.class_
    columns = [getattr(table, name) for name in MediaRef.model_fields]
    in_roles = [table.role.in_(roles)] if roles else []
    media: dict[int, list[MediaRef]] = {id: [] for id in ids}
    for chunk in chunks(media, OWNERS_PER_STATEMENT):
        for id, *fields in session.read(select(owner, *columns).where(owner.in_(chunk), *in_roles)):
            media[id].append(MediaRef(**dict(zip(MediaRef.model_fields, fields, strict=True))))
    return {id: tuple(refs) for id, refs in media.items()}


def get_medium(session: Session, *, sha256: str) -> MediaContent:
    """Return the bytes of a medium. Raises Missing."""
    row = session.get(MediaRow, sha256)
    if row is None:
        raise Missing(MISSING_MEDIUM)
    return MediaContent(type=row.type, data=row.data)


def get_media(session: Session, *, sha256s: Collection[str]) -> dict[str, MediaContent]:
    """Return the bytes of several media by their sha256. Raises Missing where one is not stored."""
    rows = session.read(select(MediaRow.sha256, MediaRow.type, MediaRow.data).where(MediaRow.sha256.in_(sha256s)))
    contents = {sha256: MediaContent(type=type, data=data) for sha256, type, data in rows}
    if set(sha256s) - contents.keys():
        raise Missing(MISSING_MEDIUM)
    return contents


def delete_orphans(session: Session) -> None:
    """Delete media that no result, clip, explanation or link shows any more."""
    session.execute(
        delete(MediaRow).where(
            ~exists().where(VisualizationMediaRow.sha256 == MediaRow.sha256),
            ~exists().where(ClipMediaRow.sha256 == MediaRow.sha256),
            ~exists().where(ExplanationMediaRow.sha256 == MediaRow.sha256),
            ~exists().where(LinkRow.preview == MediaRow.sha256),
        )
    )
