"""Estimates how long work will take, from how long recent results of the same network took."""

from collections.abc import Mapping, Sequence
from statistics import median

from sqlalchemy import func, select

from app.contract.job import Estimate
from app.contract.network import NetworkCard
from app.contract.recipe import ResolvedRecipe
from app.contract.unit_query import UnitQuery
from app.store.catalog.facets import count_by_layer
from app.store.catalog.networks import network_id
from app.store.catalog.selection import Selection
from app.store.database.chunks import chunks
from app.store.database.session import Session
from app.store.database.tables import RecipeRow, ResultCountRow, UnitRow, VisualizationRow

MAX_RECENT_UNITS = 50  # units of the network visualized last, whose results are read
MAX_RECENT_RESULTS = 250  # of these units
MIN_LAYER_RESULTS = 3  # with fewer results of a layer, those of the whole network are used for it
UNITS_PER_STATEMENT = 500


def estimate(
    session: Session, *, card: NetworkCard, units: Mapping[str, Sequence[int]], recipe: ResolvedRecipe
) -> Estimate:
    """Estimate the work for units, by layer, under a recipe.

    Return how many have a result already, and the seconds that one worker needs for the rest. The seconds of a result
    are its share of its batch; they are scaled by the number of steps.
    """
    key = recipe.key()
    cached = {layer: _count_cached(session, card, layer, indices, key) for layer, indices in units.items()}
    counts = {layer: len(indices) for layer, indices in units.items()}
    return _estimate(session, card, counts, cached, recipe)


def estimate_matching(
    session: Session, *, card: NetworkCard, query: UnitQuery, recipe: ResolvedRecipe
) -> tuple[Estimate, tuple[str, ...]]:
    """Estimate the work for all units that pass the filters, and return their layers with the estimate.

    No unit is read where the stored counts tell how many there are.
    """
    selection = Selection.of(card, network_id(session, card), query)
    counts = count_by_layer(session, selection)
    cached = _count_cached_matching(session, selection, recipe.key())
    names = {index: card.layer_at(index).name for index in sorted(counts)}
    counts_by_name = {name: counts[index] for index, name in names.items()}
    cached_by_name = {name: cached.get(index, 0) for index, name in names.items()}
    return _estimate(session, card, counts_by_name, cached_by_name, recipe), tuple(counts_by_name)


def _estimate(
    session: Session, card: NetworkCard, counts: Mapping[str, int], cached: Mapping[str, int], recipe: ResolvedRecipe
) -> Estimate:
    by_layer = _recent_seconds_per_step(session, card)
    of_network = [seconds for of_layer in by_layer.values() for seconds in of_layer]
    total: float | None = 0.0
    basis = 0
    for layer, count in counts.items():
        step_seconds = by_layer.get(layer, [])
        step_seconds = step_seconds if len(step_seconds) >= MIN_LAYER_RESULTS else of_network
        basis = max(basis, len(step_seconds))
        if total is not None and count > cached[layer]:
            total = total + median(step_seconds) * recipe.steps * (count - cached[layer]) if step_seconds else None
    return Estimate(count=sum(counts.values()), cached=sum(cached.values()), seconds=total, basis=basis)


def _recent_seconds_per_step(session: Session, card: NetworkCard) -> dict[str, list[float]]:
    """Return the seconds that a step of the newest results took, by layer."""
    units = (
        select(UnitRow.id, UnitRow.layer)
        .where(UnitRow.network_id == network_id(session, card), UnitRow.visualized_at.is_not(None))
        .order_by(UnitRow.visualized_at.desc())
        .limit(MAX_RECENT_UNITS)
        .subquery()
    )
    rows = session.read(
        select(units.c.layer, VisualizationRow.measurements["seconds"].as_float(), RecipeRow.body["steps"].as_integer())
        .join(VisualizationRow, VisualizationRow.unit_id == units.c.id)
        .join(RecipeRow, RecipeRow.key == VisualizationRow.recipe_key)
        .limit(MAX_RECENT_RESULTS)
    )
    by_layer: dict[str, list[float]] = {}
    for layer, seconds, steps in rows:
        by_layer.setdefault(layer, []).append(seconds / steps)
    return by_layer


def _count_cached(session: Session, card: NetworkCard, name: str, units: Sequence[int], recipe_key: str) -> int:
    """Return how many of a layer's units have a result under the recipe; for a whole layer this count is stored."""
    network, layer = network_id(session, card), card.layer(name)
    if len(units) == layer.units:
        stored = select(ResultCountRow.results).where(
            ResultCountRow.network_id == network,
            ResultCountRow.layer_index == layer.index,
            ResultCountRow.recipe_key == recipe_key,
        )
        return session.read(stored).scalar() or 0
    count = 0
    for indices in chunks(units, UNITS_PER_STATEMENT):
        count += session.read(
            select(func.count())
            .select_from(VisualizationRow)
            .join(UnitRow, UnitRow.id == VisualizationRow.unit_id)
            .where(
                UnitRow.network_id == network,
                UnitRow.layer == name,
                UnitRow.index.in_(indices),
                VisualizationRow.recipe_key == recipe_key,
            )
        ).scalar_one()
    return count


def _count_cached_matching(session: Session, selection: Selection, recipe_key: str) -> dict[int, int]:
    """Return how many of the selected units have a result under the recipe, by layer index."""
    query = selection.query
    if query.state == "missing":
        return {}
    if query.role is None and not selection.needs_unit_rows and not selection.has_partial_layers:
        stored = select(ResultCountRow.layer_index, ResultCountRow.results).where(
            ResultCountRow.network_id == selection.network_id,
            ResultCountRow.recipe_key == recipe_key,
            ResultCountRow.layer_index.in_(selection.match.units),
        )
        return dict(session.read(stored).all())
    counted = (
        select(UnitRow.layer_index, func.count())
        .join(VisualizationRow, VisualizationRow.unit_id == UnitRow.id)
        .where(VisualizationRow.recipe_key == recipe_key)
        .where(*selection.conditions())
        .group_by(UnitRow.layer_index)
    )
    return dict(session.read(counted).all())
