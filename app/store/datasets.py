"""Data sets: named sets of labelled clips, with the media that show each."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Select, bindparam, delete, func, literal, select, tuple_

from app.contract.errors import DatasetExists, UnknownClass, UnknownClip, UnknownDataset
from app.contract.evidence import Clip, Dataset, NewClip
from app.contract.model import Paginated
from app.contract.network import normalize_name
from app.contract.result import MediaRole
from app.store.catalog.survey_columns import list_evidence
from app.store.database.cache import LruCache
from app.store.database.chunks import chunks
from app.store.database.engine import now
from app.store.database.session import Session
from app.store.database.survey_tables import ClipMediaRow, ClipRow, DatasetRow, SurveyRow
from app.store.database.upsert import insert_missing
from app.store.media import drop_orphans, media_of, put_media

KNOWN = 2000  # names looked at to find those that an unknown one may have meant
CHUNK = 500
ON_CARDS = (MediaRole.VIDEO, MediaRole.POSTER)
# Clips by label, under the data set's id, time and number of clips: clips are added, never changed.
_label_counts: LruCache[tuple[int, datetime, int], dict[str, int]] = LruCache(max_size=100)

SET = select(DatasetRow).where(DatasetRow.slug == bindparam("slug"))
CLIPS: Select[*tuple[Any, ...]] = select(ClipRow.id, DatasetRow.slug, ClipRow.name, ClipRow.label).join(ClipRow.dataset)
BY_ID = CLIPS.where(ClipRow.id.in_(bindparam("ids", expanding=True)))
NAMED = CLIPS.where(ClipRow.dataset_id == bindparam("set"), ClipRow.name.in_(bindparam("names", expanding=True)))
OF_NAMES = CLIPS.where(DatasetRow.slug == bindparam("slug"), ClipRow.name.in_(bindparam("names", expanding=True)))
OF_CLASS = CLIPS.where(ClipRow.folded == bindparam("folded")).order_by(ClipRow.id).limit(bindparam("most"))
OF_SET = CLIPS.where(ClipRow.dataset_id == bindparam("set")).order_by(ClipRow.label, ClipRow.id)
OF_SET = OF_SET.offset(bindparam("skip")).limit(bindparam("most"))
OF_LABEL = OF_SET.where(ClipRow.label == bindparam("label"))
FROM_LABEL = OF_SET.where(ClipRow.label >= bindparam("label"))
COUNTS = (
    select(ClipRow.label, func.count())
    .where(ClipRow.dataset_id == bindparam("set"))
    .group_by(ClipRow.label)
    .order_by(ClipRow.label)
)
FIRST = (
    select(ClipRow.folded, func.min(ClipRow.id))
    .where(ClipRow.folded.in_(bindparam("folded", expanding=True)))
    .group_by(ClipRow.folded)
)


def add_dataset(session: Session, *, slug: str, title: str, summary: str = "") -> Dataset:
    """An empty set; `add_clips` fills it."""
    row = {
        "slug": slug,
        "title": title,
        "summary": summary,
        "classes": [],
        "added_at": now(session),
    }
    if session.scalar(select(DatasetRow.id).where(DatasetRow.slug == slug)) is not None:
        raise DatasetExists(f"There is a data set {slug!r} already. Choose another slug, or remove it first.")
    insert_missing(session, DatasetRow, [row])
    return get_dataset(session, slug=slug)


def add_clips(session: Session, *, slug: str, clips: Iterable[NewClip]) -> int:
    """Add the clips whose names the set does not have yet; gives how many. Labels new to it become its classes."""
    dataset = dataset_row(session, slug, lock=True)
    added = 0
    classes = list(dataset.classes)
    for clip in clips:
        known = select(ClipRow.id).where(ClipRow.dataset_id == dataset.id, ClipRow.name == clip.name)
        if session.scalar(known) is not None:
            continue
        row = ClipRow(dataset_id=dataset.id, name=clip.name, label=clip.label, folded=normalize_name(clip.label))
        session.add(row)
        session.flush()
        put_media(session, table=ClipMediaRow, owner={"clip_id": row.id}, media=clip.media)
        added += 1
        if clip.label not in classes:
            classes.append(clip.label)
    dataset.classes = classes
    dataset.clips += added
    session.flush()
    return added


def remove_dataset(session: Session, *, slug: str) -> None:
    """Remove a set with its clips, the surveys made with it, and media that nothing else shows."""
    row = dataset_row(session, slug)
    surveyed = session.scalars(select(SurveyRow.network_id).where(SurveyRow.dataset_id == row.id).distinct()).all()
    session.execute(delete(DatasetRow).where(DatasetRow.id == row.id))
    session.request_cache.datasets.clear()
    for network in surveyed:
        list_evidence(session, network_id=network)
    drop_orphans(session)


def list_datasets(session: Session) -> list[Dataset]:
    return [_dataset(row) for row in session.scalars(select(DatasetRow).order_by(DatasetRow.id))]


def get_dataset(session: Session, *, slug: str) -> Dataset:
    return _dataset(dataset_row(session, slug))


def list_clips(
    session: Session,
    *,
    slug: str,
    label: str | None = None,
    page: int = 1,
    per_page: int = 48,
    roles: tuple[MediaRole, ...] = (),
) -> Paginated[Clip]:
    """The clips of a set (and label), label by label in their own order, with all their media or those in these roles.
    A label it does not have is an error.
    """
    dataset = dataset_row(session, slug)
    if label is not None and label not in dataset.classes:
        raise UnknownClass(label, dataset.classes)
    counts = _counted(session, dataset)
    total = dataset.clips if label is None else counts[label]
    first = skip = (page - 1) * per_page
    start = label
    for each, count in counts.items() if label is None else ():
        start = each
        if skip < count:
            break
        skip -= count
    asked = {"set": dataset.id, "label": start, "skip": skip, "most": per_page}
    of = OF_LABEL if label is not None else FROM_LABEL
    items = tuple(read_clips(session, of, roles, **asked)) if first < total else ()
    return Paginated(items=items, total=total, next=page + 1 if first + per_page < total else None)


def label_counts(session: Session, *, slug: str) -> dict[str, int]:
    """Clips by label, in the set's own order."""
    dataset = dataset_row(session, slug)
    counts = _counted(session, dataset)
    return {label: counts[label] for label in dataset.classes}


def _counted(session: Session, dataset: DatasetRow) -> dict[str, int]:
    """Return how many clips each label has, in the database's order of labels."""
    key = (dataset.id, dataset.added_at, dataset.clips)
    known = _label_counts.get(key)
    if known is not None:
        return known
    counts = dict(session.read(COUNTS, {"set": dataset.id}).all())
    if session.is_read_only:  # what a transaction counts may be rolled back
        _label_counts.set(key, counts)
    return counts


def get_clip(session: Session, *, slug: str, name: str) -> Clip:
    dataset = dataset_row(session, slug)
    found = read_clips(session, NAMED, set=dataset.id, names=[name])
    if not found:
        names = session.scalars(select(ClipRow.name).where(ClipRow.dataset_id == dataset.id).limit(KNOWN))
        raise UnknownClip(name, names)
    return found[0]


def neighbours(session: Session, *, clip: Clip) -> tuple[str | None, str | None]:
    """Names of the clips before and after one, in the order of `list_clips`."""
    place, here = tuple_(ClipRow.label, ClipRow.id), tuple_(literal(clip.label), literal(clip.id))
    dataset = dataset_row(session, clip.dataset)
    names = select(ClipRow.name).where(ClipRow.dataset_id == dataset.id).limit(1)
    return (
        session.scalar(names.where(place < here).order_by(ClipRow.label.desc(), ClipRow.id.desc())),
        session.scalar(names.where(place > here).order_by(ClipRow.label, ClipRow.id)),
    )


def named_clips(
    session: Session, *, slug: str, names: Sequence[str], roles: tuple[MediaRole, ...] = ()
) -> dict[str, Clip]:
    """The clips of these names, such as a unit's strongest, by name; names that are not there are left out."""
    found: dict[str, Clip] = {}
    for some in chunks(names, CHUNK):
        clips = read_clips(session, OF_NAMES, roles, slug=slug, names=some)
        found |= {clip.name: clip for clip in clips}
    return found


def clip_names(session: Session, *, slug: str) -> list[tuple[str, str]]:
    """(name, label) of every clip of a set, in the order they were added."""
    dataset = dataset_row(session, slug)
    rows = session.execute(
        select(ClipRow.name, ClipRow.label).where(ClipRow.dataset_id == dataset.id).order_by(ClipRow.id)
    )
    return [(name, label) for name, label in rows]


def clip_ids(session: Session, *, dataset_id: int, names: Iterable[str]) -> dict[str, int]:
    """By name. Raises UnknownClip for one that is not there."""
    wanted = sorted(set(names))
    ids: dict[str, int] = {}
    for some in chunks(wanted, CHUNK):
        rows = session.execute(
            select(ClipRow.name, ClipRow.id).where(ClipRow.dataset_id == dataset_id, ClipRow.name.in_(some))
        )
        ids |= dict(rows.all())
    if missing := [name for name in wanted if name not in ids]:
        raise UnknownClip(missing[0], ids)
    return ids


def clips_of_class(session: Session, *, name: str, limit: int) -> list[Clip]:
    """Clips, as cards show them, of any set, whose label is this class of a network in any spelling."""
    return read_clips(session, OF_CLASS, ON_CARDS, folded=normalize_name(name), most=limit)


def examples(session: Session, *, names: Iterable[str], limit: int | None = None) -> dict[str, Clip]:
    """One clip, as cards show it, for each of these classes that has any, or for the first `limit` of them."""
    wanted = {name: normalize_name(name) for name in names}
    chosen: dict[str, int] = {}
    for some in chunks(wanted.items(), 2 * limit if limit else CHUNK):
        ids: dict[str, int] = dict(session.read(FIRST, {"folded": [key for _, key in some]}).all())
        chosen |= {name: ids[key] for name, key in some if key in ids}
        if limit and len(chosen) >= limit:
            break
    chosen = dict(islice(chosen.items(), limit))
    found = {clip.id: clip for clip in read_clips(session, BY_ID, ON_CARDS, ids=list(chosen.values()))}
    return {name: found[id] for name, id in chosen.items()}


def dataset_row(session: Session, slug: str, *, lock: bool = False) -> DatasetRow:
    """Read once in a session, and again to be locked."""
    known = session.request_cache.datasets
    if lock or slug not in known:
        row = session.scalar(SET.with_for_update() if lock else SET, {"slug": slug})
        if row is None:
            raise UnknownDataset(slug, session.scalars(select(DatasetRow.slug).order_by(DatasetRow.id)))
        known[slug] = row
    return known[slug]


def read_clips(
    session: Session, query: Select[*tuple[Any, ...]], roles: tuple[MediaRole, ...] = (), **given: object
) -> list[Clip]:
    """Those that a statement on CLIPS finds, with their media, all or in these roles."""
    rows = session.read(query, given).all()
    media = media_of(session, ClipMediaRow.clip_id, [id for id, *_ in rows], roles)
    return [Clip(id=id, dataset=dataset, name=name, label=label, media=media[id]) for id, dataset, name, label in rows]


def _dataset(row: DatasetRow) -> Dataset:
    return Dataset(slug=row.slug, title=row.title, summary=row.summary, classes=tuple(row.classes), clips=row.clips)
