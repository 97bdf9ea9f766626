"""Reads a few pictures of every network, the newest ones, and of every layer, those of its first units.

Each network or layer is one row of the statement, with its pictures as words of one text: both databases answer a small
correlated subquery from an index, while a union of hundreds of statements takes long to build.
"""

from collections.abc import Sequence

from sqlalchemy import ScalarSelect, Select, String, cast, func, select

from app.contract.network import NetworkCard
from app.contract.unit import Thumbnail, UnitThumbnail
from app.store.catalog.networks import network_id
from app.store.database.session import Session
from app.store.database.tables import NetworkRow, UnitCountRow, UnitRow

# Index, poster and loop of a unit as one word.
UNIT_WORD = (
    cast(UnitRow.index, String) + "," + func.coalesce(UnitRow.poster, "") + "," + func.coalesce(UnitRow.loop, "")
)


def newest_thumbnails(session: Session, *, cards: Sequence[NetworkCard], limit: int) -> dict[str, list[Thumbnail]]:
    """Return pictures of the units of these networks that were visualized last, at most `limit` of each network."""
    units = (
        select(UNIT_WORD)
        .where(UnitRow.network_id == NetworkRow.id, UnitRow.visualized_at.is_not(None))
        .order_by(UnitRow.visualized_at.desc(), UnitRow.id.desc())
        .correlate(NetworkRow)
    )
    rows = session.read(select(NetworkRow.slug, aggregate_first(units, limit)))
    units_by_slug = {slug: _parse_words(words) for slug, words in rows}
    return {
        card.slug: [Thumbnail(*pictures) for _, *pictures in shown]
        for card in cards
        if (shown := units_by_slug[card.slug])
    }


def layer_thumbnails(session: Session, *, card: NetworkCard, limit: int) -> dict[str, list[UnitThumbnail]]:
    """Return the first units with a picture of every layer that has any, at most `limit` of each layer."""
    layers = (
        select(UnitCountRow.network_id, UnitCountRow.layer_index)
        .where(UnitCountRow.network_id == network_id(session, card), UnitCountRow.visualized, UnitCountRow.units > 0)
        .distinct()
        .subquery()
    )
    units = (
        select(UNIT_WORD)
        .where(
            UnitRow.network_id == layers.c.network_id,
            UnitRow.layer_index == layers.c.layer_index,
            UnitRow.poster.is_not(None),
            UnitRow.visualized_at.is_not(None),
        )
        .order_by(UnitRow.index)
        .correlate(layers)
    )
    thumbnails: dict[str, list[UnitThumbnail]] = {}
    for layer_index, words in session.read(select(layers.c.layer_index, aggregate_first(units, limit))):
        layer = card.layer_at(layer_index)
        thumbnails[layer.name] = [
            UnitThumbnail(layer.name, unit, card.classes[unit] if layer.is_class else "", *pictures)
            for unit, *pictures in _parse_words(words)
        ]
    return thumbnails


def aggregate_first(words: Select[str], limit: int) -> ScalarSelect[str]:
    """Return a scalar subquery: the first `limit` words of a correlated statement, joined by spaces."""
    [word] = words.limit(limit).subquery().c
    return select(func.aggregate_strings(word, " ")).scalar_subquery()


def _parse_words(words: str | None) -> list[tuple[int, str | None, str | None]]:
    split = (word.split(",") for word in (words or "").split())
    return [(int(unit), poster or None, loop or None) for unit, poster, loop in split]
