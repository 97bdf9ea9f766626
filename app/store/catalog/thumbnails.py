"""Some pictures of each of many things: of every network those made last, of every layer its first."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import ScalarSelect, Select, String, bindparam, cast, func, select

from app.contract.unit import Thumbnail, UnitThumbnail
from app.store.catalog.networks import card_of, network_row
from app.store.database.session import Session
from app.store.database.tables import NetworkRow, UnitCountRow, UnitRow

# A picture as one word, so that one statement for many things is all that is asked.
WORD = cast(UnitRow.index, String) + "," + func.coalesce(UnitRow.poster, "") + "," + func.coalesce(UnitRow.loop, "")


def newest(session: Session, *, slugs: Sequence[str], each: int) -> dict[str, list[Thumbnail]]:
    """Pictures of the units of these networks that were visualized last, at most `each` of a network."""
    found = {slug: _read(words) for slug, words in session.read(_newest(each))}
    return {slug: [Thumbnail(*pictures) for _, *pictures in found[slug]] for slug in slugs if found[slug]}


def pictured(session: Session, *, slug: str, each: int) -> dict[str, list[UnitThumbnail]]:
    """The first units of every layer that have a picture, at most `each` a layer."""
    network = network_row(session, slug)
    card = card_of(network)
    found: dict[str, list[UnitThumbnail]] = {}
    for place, words in session.read(_pictured(each), {"network": network.id}):
        layer = card.layers[place]
        found[layer.name] = [
            UnitThumbnail(layer.name, unit, card.classes[unit] if layer.is_class else "", *pictures)
            for unit, *pictures in _read(words)
        ]
    return found


def first_each(of: Select[str], each: int) -> ScalarSelect[str]:
    """The first `each` words of what belongs to a row of the enclosing statement, which they say to be correlated
    with: one small statement that both databases answer from an index, where a union of hundreds takes long to put
    together.
    """
    [word] = of.limit(each).subquery().c
    return select(func.aggregate_strings(word, " ")).scalar_subquery()


def _read(words: str | None) -> list[tuple[int, str | None, str | None]]:
    split = (word.split(",") for word in (words or "").split())
    return [(int(unit), poster or None, loop or None) for unit, poster, loop in split]


@cache
def _newest(each: int) -> Select[*tuple[Any, ...]]:
    last = (
        select(WORD)
        .where(UnitRow.network_id == NetworkRow.id, UnitRow.visualized_at.is_not(None))
        .order_by(UnitRow.visualized_at.desc(), UnitRow.id.desc())
        .correlate(NetworkRow)
    )
    return select(NetworkRow.slug, first_each(last, each))


@cache
def _pictured(each: int) -> Select[*tuple[Any, ...]]:
    layers = (
        select(UnitCountRow.network_id, UnitCountRow.layer_index)
        .where(UnitCountRow.network_id == bindparam("network"), UnitCountRow.visualized, UnitCountRow.units > 0)
        .distinct()
        .subquery()
    )
    first = (
        select(WORD)
        .where(
            UnitRow.network_id == layers.c.network_id,
            UnitRow.layer_index == layers.c.layer_index,
            UnitRow.poster.is_not(None),
            UnitRow.visualized_at.is_not(None),
        )
        .order_by(UnitRow.index)
        .correlate(layers)
    )
    return select(layers.c.layer_index, first_each(first, each))
