"""How long work will take, from how long the like of it took."""

from collections.abc import Mapping, Sequence
from statistics import median

from sqlalchemy import bindparam, func, select

from app.contract.job import Estimate
from app.contract.recipe import ResolvedRecipe
from app.contract.unit_query import UnitQuery
from app.store.catalog.filters import layer_counts, needs_units, scope, sql_filters, within
from app.store.catalog.networks import card_of, network_row
from app.store.database.chunks import chunks
from app.store.database.session import Session
from app.store.database.tables import NetworkRow, RecipeRow, ResultCountRow, UnitRow, VisualizationRow

LOOKED_AT = 50  # units of a network that were visualized last
ENOUGH = 3  # results of a layer that say more than those of the whole network
CHUNK = 500

# Put together once, which takes longer than to run them.
_newest = (
    select(UnitRow.id, UnitRow.layer)
    .where(UnitRow.network_id == bindparam("network"), UnitRow.visualized_at.is_not(None))
    .order_by(UnitRow.visualized_at.desc())
    .limit(LOOKED_AT)
    .subquery()
)
NEWEST = (
    select(_newest.c.layer, VisualizationRow.measurements["seconds"].as_float(), RecipeRow.body["steps"].as_integer())
    .join(VisualizationRow, VisualizationRow.unit_id == _newest.c.id)
    .join(RecipeRow, RecipeRow.key == VisualizationRow.recipe_key)
    .limit(5 * LOOKED_AT)
)
MADE = (
    select(func.count())
    .select_from(VisualizationRow)
    .join(UnitRow, UnitRow.id == VisualizationRow.unit_id)
    .where(
        UnitRow.network_id == bindparam("network"),
        UnitRow.layer == bindparam("layer"),
        UnitRow.index.in_(bindparam("units", expanding=True)),
        VisualizationRow.recipe_key == bindparam("recipe"),
    )
)


def estimate(session: Session, *, slug: str, units: Mapping[str, Sequence[int]], recipe: ResolvedRecipe) -> Estimate:
    """Of the units (by layer) under the recipe: how many are there already, and the seconds for the rest on one
    worker. A result's seconds are its share of its batch; they are scaled by the steps.
    """
    network, key = network_row(session, slug), recipe.key()
    made = {layer: _made(session, network, layer, indices, key) for layer, indices in units.items()}
    return _estimate(session, network, {layer: len(indices) for layer, indices in units.items()}, made, recipe)


def estimate_matching(
    session: Session, *, slug: str, query: UnitQuery, recipe: ResolvedRecipe
) -> tuple[Estimate, tuple[str, ...]]:
    """The same of all units that pass the filters, none of which is read where kept counts tell, and their layers."""
    network = network_row(session, slug)
    card = card_of(network)
    count = layer_counts(session, network.id, card, query)
    made = _made_matching(session, network, query, recipe.key())
    names = {index: card.layers[index].name for index in sorted(count)}
    counts = {name: count[index] for index, name in names.items()}
    found = {name: made.get(index, 0) for index, name in names.items()}
    return _estimate(session, network, counts, found, recipe), tuple(counts)


def _estimate(
    session: Session, network: NetworkRow, counts: Mapping[str, int], made: Mapping[str, int], recipe: ResolvedRecipe
) -> Estimate:
    paces = _paces(session, network.id)
    known = [pace for found in paces.values() for pace in found]
    seconds: float | None = 0.0
    basis = 0
    for layer, count in counts.items():
        own = paces.get(layer, [])
        own = own if len(own) >= ENOUGH else known
        basis = max(basis, len(own))
        if seconds is not None and count > made[layer]:
            seconds = seconds + median(own) * recipe.steps * (count - made[layer]) if own else None
    return Estimate(count=sum(counts.values()), cached=sum(made.values()), seconds=seconds, basis=basis)


def _paces(session: Session, network: int) -> dict[str, list[float]]:
    """Seconds a step, by layer, of the newest results."""
    rows = session.read(NEWEST, {"network": network})
    paces: dict[str, list[float]] = {}
    for layer, seconds, steps in rows:
        paces.setdefault(layer, []).append(seconds / steps)
    return paces


def _made(session: Session, network: NetworkRow, layer: str, units: Sequence[int], recipe_key: str) -> int:
    """How many of the units have a result under the recipe. Of a whole layer that is known."""
    place = card_of(network).layer(layer)
    if len(units) == place.units:
        of = ResultCountRow
        known = select(of.results).where(
            of.network_id == network.id, of.layer_index == place.index, of.recipe_key == recipe_key
        )
        return session.read(known).scalar() or 0
    found = 0
    for some in chunks(units, CHUNK):
        asked = {"network": network.id, "layer": layer, "units": some, "recipe": recipe_key}
        found += session.read(MADE, asked).scalars().one()
    return found


def _made_matching(session: Session, network: NetworkRow, query: UnitQuery, recipe_key: str) -> dict[int, int]:
    """By the index of their layer: units that pass the filters and have a result under the recipe."""
    card = card_of(network)
    if query.state == "missing":
        return {}
    if query.role is None and not needs_units(card, query) and not any(scope(card, query).values()):
        of = ResultCountRow
        kept = select(of.layer_index, of.results).where(of.network_id == network.id, of.recipe_key == recipe_key)
        return dict(session.read(kept.where(of.layer_index.in_(scope(card, query)))).all())
    counted = (
        select(UnitRow.layer_index, func.count())
        .join(VisualizationRow, VisualizationRow.unit_id == UnitRow.id)
        .where(VisualizationRow.recipe_key == recipe_key)
        .where(*within(network.id, card, query), *sql_filters(card, query))
        .group_by(UnitRow.layer_index)
    )
    return dict(session.read(counted).all())
