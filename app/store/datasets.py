"""Data sets: adds, removes and lists them and their clips, with the media that show each clip."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice

from sqlalchemy import Select, delete, exists, func, literal, select, tuple_, update

from app.contract.dataset import Clip, ClipSource, Dataset, NewClip
from app.contract.errors import DatasetExists, UnknownClass, UnknownClip, UnknownDataset
from app.contract.model import Paginated
from app.contract.network import normalize_name
from app.contract.result import MediaRole, RenderedMedia
from app.store.catalog.survey_columns import denormalize_survey
from app.store.database.cache import LruCache
from app.store.database.chunks import chunks
from app.store.database.clock import now
from app.store.database.session import Session
from app.store.database.survey_tables import ClipMediaRow, ClipRow, DatasetRow, SurveyRow
from app.store.database.upsert import insert_missing
from app.store.media import delete_orphans, media_by_owner, put_media

MAX_COMPARED_NAMES = 2000  # clip names among which those most like an unknown one are looked for
NAMES_PER_STATEMENT = 500  # clips or classes
CARD_MEDIA = (MediaRole.VIDEO, MediaRole.POSTER)  # what a card on a page shows of a clip

# Numbers of clips by label. The key is a data set's id, time and number of clips: clips are added, and never changed.
_label_counts: LruCache[tuple[int, datetime, int], dict[str, int]] = LruCache(max_size=100)

SelectClips = Select[int, str, str, str]


def add_dataset(session: Session, *, slug: str, title: str, summary: str = "") -> Dataset:
    """Add an empty data set, to be filled by `add_clips`. Raises DatasetExists."""
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
    """Add the clips whose names the data set does not have yet, and return their number.

    New labels become classes of the data set.
    """
    dataset = dataset_row(session, slug, lock=True)
    added = 0
    classes = list(dataset.classes)
    for clip in clips:
        same = select(ClipRow.id).where(ClipRow.dataset_id == dataset.id, ClipRow.name == clip.name)
        if session.scalar(same) is not None:
            continue
        row = ClipRow(
            dataset_id=dataset.id,
            name=clip.name,
            label=clip.label,
            folded=normalize_name(clip.label),
            source=clip.source,
            group=clip.group,
        )
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


def clip_sources(session: Session, *, slug: str) -> list[ClipSource]:
    """Return of which video every clip of a data set was made, in the order in which they were added."""
    dataset = dataset_row(session, slug)
    columns = select(ClipRow.name, ClipRow.label, ClipRow.source, ClipRow.group)
    rows = session.read(columns.where(ClipRow.dataset_id == dataset.id).order_by(ClipRow.id))
    return [ClipSource(name=name, label=label, source=source, group=group) for name, label, source, group in rows]


def set_sources(session: Session, *, slug: str, sources: Mapping[str, str]) -> None:
    """Store of which videos clips were made, by name, for clips of which it is not known yet."""
    dataset = dataset_row(session, slug)
    for name, source in sources.items():
        clip = (ClipRow.dataset_id == dataset.id, ClipRow.name == name, ClipRow.source.is_(None))
        session.execute(update(ClipRow).where(*clip).values(source=source))


def set_groups(session: Session, *, slug: str, groups: Mapping[str, str]) -> None:
    """Store the groups of clips, by name, in place of those that they have."""
    dataset = dataset_row(session, slug)
    for name, group in groups.items():
        clip = (ClipRow.dataset_id == dataset.id, ClipRow.name == name)
        session.execute(update(ClipRow).where(*clip).values(group=group))


def clips_without(session: Session, *, slug: str, role: MediaRole) -> list[str]:
    """Return the names of the clips of a data set that have no medium in this role, in the order of adding."""
    dataset = dataset_row(session, slug)
    has_medium = exists().where(ClipMediaRow.clip_id == ClipRow.id, ClipMediaRow.role == role.value)
    names = select(ClipRow.name).where(ClipRow.dataset_id == dataset.id, ~has_medium).order_by(ClipRow.id)
    return [name for (name,) in session.read(names)]


def add_clip_media(session: Session, *, slug: str, media: Mapping[str, Sequence[RenderedMedia]]) -> None:
    """Add media of these roles to clips, by name, that have none of them yet. Raises UnknownClip."""
    dataset = dataset_row(session, slug, lock=True)
    for name, id in clip_ids(session, dataset_id=dataset.id, names=media).items():
        known = set(session.scalars(select(ClipMediaRow.role).where(ClipMediaRow.clip_id == id)))
        missing = [medium for medium in media[name] if medium.role.value not in known]
        put_media(session, table=ClipMediaRow, owner={"clip_id": id}, media=missing)


def remove_dataset(session: Session, *, slug: str) -> None:
    """Remove a data set with its clips, the surveys made with it, and all media that nothing else shows."""
    row = dataset_row(session, slug)
    surveyed = session.scalars(select(SurveyRow.network_id).where(SurveyRow.dataset_id == row.id).distinct()).all()
    session.execute(delete(DatasetRow).where(DatasetRow.id == row.id))
    session.request_cache.datasets.clear()
    for network_id in surveyed:
        denormalize_survey(session, network_id=network_id)
    delete_orphans(session)


def list_datasets(session: Session) -> list[Dataset]:
    """Return all data sets in the order in which they were added."""
    return [_dataset(row) for row in session.scalars(select(DatasetRow).order_by(DatasetRow.id))]


def get_dataset(session: Session, *, slug: str) -> Dataset:
    """Return a data set. Raises UnknownDataset."""
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
    """Return a page of the clips of a data set, label by label, or of one label.

    Clips come with their media in these roles, or with all. Raises UnknownClass for a label that the data set does not
    have.
    """
    dataset = dataset_row(session, slug)
    if label is not None and label not in dataset.classes:
        raise UnknownClass(label, dataset.classes)
    counts = _counts_by_label(session, dataset)
    total = dataset.clips if label is None else counts.get(label, 0)
    first = skip = (page - 1) * per_page
    clips = select_clips().where(ClipRow.dataset_id == dataset.id)
    if label is not None:
        clips = clips.where(ClipRow.label == label)
    else:  # begin at the label of the page's first clip: the database reads all clips that it skips
        for start, count in counts.items():
            if skip < count:
                clips = clips.where(ClipRow.label >= start)
                break
            skip -= count
    clips = clips.order_by(ClipRow.label, ClipRow.id).offset(skip).limit(per_page)
    items = tuple(read_clips(session, clips, roles)) if first < total else ()
    return Paginated(items=items, total=total, next=page + 1 if first + per_page < total else None)


def label_counts(session: Session, *, slug: str) -> dict[str, int]:
    """Return the number of clips of each class, 0 for a class without any, in the data set's own order."""
    dataset = dataset_row(session, slug)
    counts = _counts_by_label(session, dataset)
    return {label: counts.get(label, 0) for label in dataset.classes}


def get_clip(session: Session, *, slug: str, name: str) -> Clip:
    """Return a clip with all its media. Raises UnknownDataset and UnknownClip."""
    dataset = dataset_row(session, slug)
    clips = read_clips(session, select_clips().where(ClipRow.dataset_id == dataset.id, ClipRow.name == name))
    if not clips:
        names = select(ClipRow.name).where(ClipRow.dataset_id == dataset.id).limit(MAX_COMPARED_NAMES)
        raise UnknownClip(name, session.scalars(names))
    return clips[0]


def clip_of_video(session: Session, *, sha256: str) -> Clip | None:
    """Return the clip of a data set whose video has this checksum, the first that was added; None where there is none.

    Uploaded clips belong to no data set and are never found.
    """
    has_video = exists().where(
        ClipMediaRow.clip_id == ClipRow.id,
        ClipMediaRow.role == MediaRole.VIDEO.value,
        ClipMediaRow.sha256 == sha256,
    )
    clips = read_clips(session, select_clips().where(has_video).order_by(ClipRow.id).limit(1))
    return clips[0] if clips else None


def adjacent_clips(session: Session, *, clip: Clip) -> tuple[str | None, str | None]:
    """Return the names of the clips before and after one, in the order of `list_clips`."""
    keys, here = tuple_(ClipRow.label, ClipRow.id), tuple_(literal(clip.label), literal(clip.id))
    dataset = dataset_row(session, clip.dataset)
    names = select(ClipRow.name).where(ClipRow.dataset_id == dataset.id).limit(1)
    return (
        session.scalar(names.where(keys < here).order_by(ClipRow.label.desc(), ClipRow.id.desc())),
        session.scalar(names.where(keys > here).order_by(ClipRow.label, ClipRow.id)),
    )


def clips_by_name(
    session: Session, *, slug: str, names: Sequence[str], roles: tuple[MediaRole, ...] = ()
) -> dict[str, Clip]:
    """Return those of the named clips that the data set has, by name."""
    clips: dict[str, Clip] = {}
    for chunk in chunks(names, NAMES_PER_STATEMENT):
        statement = select_clips().where(DatasetRow.slug == slug, ClipRow.name.in_(chunk))
        clips |= {clip.name: clip for clip in read_clips(session, statement, roles)}
    return clips


def clips_by_id(session: Session, ids: Sequence[int], roles: tuple[MediaRole, ...] = ()) -> dict[int, Clip]:
    """Return clips of any data set by id."""
    clips = read_clips(session, select_clips().where(ClipRow.id.in_(ids)), roles) if ids else []
    return {clip.id: clip for clip in clips}


def clip_names(session: Session, *, slug: str) -> list[tuple[str, str]]:
    """Return the name and label of every clip of a data set, in the order in which they were added."""
    dataset = dataset_row(session, slug)
    rows = session.read(
        select(ClipRow.name, ClipRow.label).where(ClipRow.dataset_id == dataset.id).order_by(ClipRow.id)
    )
    return [(name, label) for name, label in rows]


def clip_groups(session: Session, *, slug: str) -> dict[str, str]:
    """Return the groups of those clips of a data set whose group is known, by the clip's name."""
    dataset = dataset_row(session, slug)
    rows = session.read(
        select(ClipRow.name, ClipRow.group).where(ClipRow.dataset_id == dataset.id, ClipRow.group.is_not(None))
    )
    return {name: group for name, group in rows if group is not None}


def clips_digest(session: Session, *, slug: str) -> str:
    """Return a sha256 of the names and labels of a data set's clips, whatever their order."""
    names = sorted(clip_names(session, slug=slug))
    return hashlib.sha256(json.dumps(names).encode()).hexdigest()


def clip_ids(session: Session, *, dataset_id: int, names: Iterable[str]) -> dict[str, int]:
    """Return the ids of clips by name. Raises UnknownClip for a name that the data set does not have."""
    wanted = sorted(set(names))
    ids: dict[str, int] = {}
    for chunk in chunks(wanted, NAMES_PER_STATEMENT):
        rows = session.read(
            select(ClipRow.name, ClipRow.id).where(ClipRow.dataset_id == dataset_id, ClipRow.name.in_(chunk))
        )
        ids |= dict(rows.all())
    if missing := [name for name in wanted if name not in ids]:
        raise UnknownClip(missing[0], ids)
    return ids


def clips_of_class(session: Session, *, name: str, limit: int) -> list[Clip]:
    """Return clips of any data set whose label names this class, in any spelling, with media for cards."""
    clips = select_clips().where(ClipRow.folded == normalize_name(name)).order_by(ClipRow.id).limit(limit)
    return read_clips(session, clips, CARD_MEDIA)


def example_clips(session: Session, *, names: Iterable[str], limit: int | None = None) -> dict[str, Clip]:
    """Return one clip, with media for cards, of each of these classes that has any, or of the first `limit` of them."""
    folded_names = {name: normalize_name(name) for name in names}
    chosen: dict[str, int] = {}
    for chunk in chunks(folded_names.items(), 2 * limit if limit else NAMES_PER_STATEMENT):
        rows = session.read(
            select(ClipRow.folded, func.min(ClipRow.id))
            .where(ClipRow.folded.in_([key for _, key in chunk]))
            .group_by(ClipRow.folded)
        )
        ids: dict[str, int] = dict(rows.all())
        chosen |= {name: ids[key] for name, key in chunk if key in ids}
        if limit and len(chosen) >= limit:
            break
    chosen = dict(islice(chosen.items(), limit))
    clips = clips_by_id(session, list(chosen.values()), CARD_MEDIA)
    return {name: clips[id] for name, id in chosen.items()}


def dataset_row(session: Session, slug: str, *, lock: bool = False) -> DatasetRow:
    """Return the row of a data set, which is read once in a session, and again to be locked. Raises UnknownDataset."""
    known = session.request_cache.datasets
    if lock or slug not in known:
        statement = select(DatasetRow).where(DatasetRow.slug == slug)
        row = session.scalar(statement.with_for_update() if lock else statement)
        if row is None:
            raise UnknownDataset(slug, session.scalars(select(DatasetRow.slug).order_by(DatasetRow.id)))
        known[slug] = row
    return known[slug]


def select_clips() -> SelectClips:
    """Return a statement for `read_clips`, which callers narrow and order."""
    return select(ClipRow.id, DatasetRow.slug, ClipRow.name, ClipRow.label).join(ClipRow.dataset)


def read_clips(session: Session, clips: SelectClips, roles: tuple[MediaRole, ...] = ()) -> list[Clip]:
    """Return the clips that a statement of `select_clips` finds, with their media in these roles, or with all."""
    rows = session.read(clips).all()
    media = media_by_owner(session, ClipMediaRow.clip_id, [id for id, *_ in rows], roles)
    return [Clip(id=id, dataset=dataset, name=name, label=label, media=media[id]) for id, dataset, name, label in rows]


def _counts_by_label(session: Session, dataset: DatasetRow) -> dict[str, int]:
    """Return how many clips each label has, in the database's order of labels."""
    key = (dataset.id, dataset.added_at, dataset.clips)
    known = _label_counts.get(key)
    if known is not None:
        return known
    counts: dict[str, int] = dict(
        session.read(
            select(ClipRow.label, func.count())
            .where(ClipRow.dataset_id == dataset.id)
            .group_by(ClipRow.label)
            .order_by(ClipRow.label)
        ).all()
    )
    if session.is_read_only:  # what a transaction counts may be rolled back
        _label_counts.set(key, counts)
    return counts


def _dataset(row: DatasetRow) -> Dataset:
    return Dataset(slug=row.slug, title=row.title, summary=row.summary, classes=tuple(row.classes), clips=row.clips)
