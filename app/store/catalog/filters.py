"""What an explorer's filters leave of a network. The card knows every layer and class, so words cost no scan."""

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, false, func, literal, or_, select, union_all

from app.analysis.vocabulary import QueryWord, parse_words
from app.contract.network import Layer, NetworkCard
from app.contract.unit_query import FacetCounts, UnitQuery, parse_region
from app.store.catalog.networks import card_of, network_row
from app.store.database.session import Session, UnitCount
from app.store.database.tables import UnitCountRow, UnitRow

FILTERS = ("layer", "stream", "class_", "detects", "role", "min_reach", "state", "q", "region")
TALLIED = 2_000  # units at most that are counted by one, where no kept count tells them
KEPT = select(UnitCountRow.layer_index, UnitCountRow.role, UnitCountRow.visualized, UnitCountRow.units).where(
    UnitCountRow.network_id == bindparam("network"), UnitCountRow.units > 0
)

Scope = dict[int, frozenset[int] | None]  # layer index -> its units that are meant, None for all


def scope(card: NetworkCard, query: UnitQuery) -> Scope:
    if query.layer:
        card.layer(query.layer)
    number = card.class_index(query.class_) if query.class_ else None
    words = understood(card, query.q)
    found: Scope = {}
    if query.q and not words:
        return found
    for layer in card.layers:
        if (query.layer and layer.name != query.layer) or (query.stream and layer.stream != query.stream):
            continue
        if number is not None and not layer.is_class:
            continue
        units = None if number is None else frozenset({number})
        for word in words:
            hits = _hits(layer, word)
            if hits is not None:
                units = hits if units is None else units & hits
        if units is None or units:
            found[layer.index] = units
    return found


def understood(card: NetworkCard, q: str | None) -> tuple[QueryWord, ...]:
    """The words of a search that mean something here; the others are left out of it."""
    return tuple(word for word in parse_words(card, q or "") if word.is_known)


def size(card: NetworkCard, query: UnitQuery) -> int:
    """How many units pass layer, stream, class and words."""
    chosen = scope(card, query)
    return sum(
        layer.units if (units := chosen[layer.index]) is None else len(units)
        for layer in card.layers
        if layer.index in chosen
    )


def within(network: int, card: NetworkCard, query: UnitQuery) -> list[ColumnElement[bool]]:
    """The network's units that layer, stream, class and words mean."""
    return _named(network, card, scope(card, query), detectors(card, query))


def _named(
    network: int, card: NetworkCard, chosen: Scope, detecting: Mapping[frozenset[int], list[int]]
) -> list[ColumnElement[bool]]:
    its = UnitRow.network_id == network
    whole = [index for index, units in chosen.items() if units is None]
    if len(whole) == len(card.layers):
        return [its]
    if chosen and len(chosen) == len(whole) == 1 and not detecting:
        return [its, UnitRow.layer_index == whole[0]]
    alike: dict[frozenset[int], list[int]] = {}
    for index, units in chosen.items():
        if units is not None:
            alike.setdefault(units, []).append(index)
    some = [and_(UnitRow.layer_index.in_(layers), UnitRow.index.in_(units)) for units, layers in alike.items()]
    some += [
        and_(UnitRow.layer_index.in_(layers), UnitRow.detects.in_(classes)) for classes, layers in detecting.items()
    ]
    some += [UnitRow.layer_index.in_(whole)] if whole else []
    if not detecting or len(some) == 1:
        return [its, or_(false(), *some)]
    # Each by an index of its own; for alternatives SQLite would read all units. So it would if few were said to be of
    # the network once more.
    found = UnitRow.id.in_(union_all(*(select(UnitRow.id).where(its, each) for each in some)))
    return [its, found] if whole else [found]


def detectors(card: NetworkCard, query: UnitQuery) -> Mapping[frozenset[int], list[int]]:
    """Classes that words say something of, with the layers in which units that detect them are meant too: those of
    which the other words, if any, are the name.
    """
    words = () if query.class_ else understood(card, query.q)
    return _detecting(card, words, query.layer, query.stream) if words else {}


@lru_cache(maxsize=256)  # a page asks a dozen times
def _detecting(
    card: NetworkCard, words: tuple[QueryWord, ...], only: str | None, stream: str | None
) -> Mapping[frozenset[int], list[int]]:
    found: dict[frozenset[int], list[int]] = {}
    for layer in card.layers:
        if (only and layer.name != only) or (stream and layer.stream != stream):
            continue
        rest = [word.classes for word in words if word.text not in layer.name.lower()]
        if rest and (meant := frozenset.intersection(*rest)):
            found.setdefault(meant, []).append(layer.index)
    return found


def sql_filters(card: NetworkCard, query: UnitQuery, *, many: bool = False) -> list[ColumnElement[bool]]:
    """The filters that only the database can answer. `many`: most units pass, and are not to be found by index."""
    filters: list[ColumnElement[bool]] = []
    if query.detects:
        filters.append(UnitRow.detects == card.class_index(query.detects))
    if query.state:
        is_done = UnitRow.visualized_at.is_not(None)
        filters.append(is_done if query.state == "visualized" else ~is_done)
    if query.role:
        filters.append(UnitRow.role == query.role)
    if query.min_reach is not None:
        filters.append((UnitRow.reach + 0 if many else UnitRow.reach) >= query.min_reach)
    if query.region:
        x0, y0, x1, y1 = parse_region(query.region)
        filters += [UnitRow.map_x.between(x0, x1), UnitRow.map_y.between(y0, y1)]
    return filters


def needs_units(card: NetworkCard, query: UnitQuery) -> bool:
    """Whether neither the card nor the kept counts can tell how many units pass."""
    chosen = (query.min_reach, query.region, query.detects)
    return any(each is not None for each in chosen) or bool(detectors(card, query))


def is_filtered(card: NetworkCard, query: UnitQuery) -> bool:
    """Whether the card alone cannot tell how many units pass."""
    return query.state is not None or query.role is not None or needs_units(card, query)


def tally(session: Session, *, slug: str, query: UnitQuery, fixed_layer: bool = False) -> FacetCounts:
    """Over the units that pass the other filters; all facets are sums of the same groups."""
    row = network_row(session, slug)
    card = card_of(row)
    open_: dict[str, object] = {"stream": None, "role": None, "state": None}
    wide = query.model_copy(update=open_ if fixed_layer else {**open_, "layer": None})
    names = tuple(FacetCounts.model_fields)
    chosen = tuple(getattr(query, name) for name in names)
    counts: list[Counter[str]] = [Counter() for _ in names]
    for index, role, is_seen, count in groups(session, row.id, card, wide) or ():
        layer = card.layers[index]
        of = (layer.name, layer.stream, role, "visualized" if is_seen else "missing")
        missed = [at for at, choice in enumerate(chosen) if choice is not None and choice != of[at]]
        # a facet leaves its own filter open: what misses no other counts there
        for at in range(len(names)) if not missed else missed if len(missed) == 1 else ():
            if choice := of[at]:
                counts[at][choice] += count
    return FacetCounts(**{name: dict(found) for name, found in zip(names, counts, strict=True)})


def groups(session: Session, network: int, card: NetworkCard, query: UnitQuery) -> list[UnitCount] | None:
    """The units that pass the filters, counted: those of whole layers unread. None if too many are left. Counted once
    in a session: a page asks how many there are, and how many of each kind.
    """
    known = session.request_cache.unit_counts
    key = (network, *(getattr(query, name) for name in FILTERS))
    if key not in known:
        known[key] = _groups(session, network, card, query)
    return known[key]


def _groups(session: Session, network: int, card: NetworkCard, query: UnitQuery) -> list[UnitCount] | None:
    chosen, found = scope(card, query), []
    named = within(network, card, query)
    if not needs_units(card, query):
        some = {index for index, units in chosen.items() if units is not None}
        found = _kept(session, network, query, chosen.keys() - some)
        if not some:
            return found
        named = _named(network, card, {index: chosen[index] for index in some}, {})
    where = (*named, *sql_filters(card, query))
    if query.min_reach is not None:
        passing = select(literal(1)).where(*where).limit(TALLIED + 1).subquery()  # the index alone tells
        if (session.read(select(func.count()).select_from(passing)).scalar() or 0) > TALLIED:
            return None
    is_seen = UnitRow.visualized_at.is_not(None).label("is_seen")
    few = select(UnitRow.layer_index, UnitRow.role, is_seen).where(*where).limit(TALLIED + 1).subquery()
    grouped: Select[*tuple[Any, ...]] = select(*few.c, func.count()).group_by(*few.c)
    counted = session.read(grouped).all()
    if sum(row[-1] for row in counted) > TALLIED:
        return None
    return found + [UnitCount(index, role, seen, count) for index, role, seen, count in counted]


def layer_counts(session: Session, network: int, card: NetworkCard, query: UnitQuery) -> dict[int, int]:
    """How many units pass the filters, by the index of their layer; layers that keep none are left out."""
    counts: Counter[int] = Counter()
    kept = None if needs_units(card, query) else groups(session, network, card, query)
    if kept is not None:
        for index, _, _, units in kept:
            counts[index] += units
        return dict(counts)
    where = (*within(network, card, query), *sql_filters(card, query))
    rows = session.read(select(UnitRow.layer_index, func.count()).where(*where).group_by(UnitRow.layer_index))
    return dict(rows.all())


def _kept(session: Session, network: int, query: UnitQuery, layers: set[int]) -> list[UnitCount]:
    if not layers:
        return []
    return [
        UnitCount(index, role or None, visualized, units)
        for index, role, visualized, units in session.read(KEPT, {"network": network})
        if index in layers
        and (not query.state or visualized == (query.state == "visualized"))
        and (not query.role or role == query.role)
    ]


def _hits(layer: Layer, word: QueryWord) -> frozenset[int] | None:
    """The units that a word names: by layer, number, address such as Mixed_4f/12, or what is said of a class."""
    place, slash, number = word.text.rpartition("/")
    if slash and number.isdecimal() and len(number) < 10:
        return frozenset({int(number)} if place in layer.name.lower() and int(number) < layer.units else ())
    if word.text in layer.name.lower():
        return None
    is_unit = word.text.isdecimal() and len(word.text) < 10 and int(word.text) < layer.units
    found = frozenset({int(word.text)} if is_unit else ())
    return found | word.classes if layer.is_class else found
