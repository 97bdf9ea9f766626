"""How long work will take, from how long the like of it took."""

from collections.abc import Mapping, Sequence
from statistics import median

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.contract.job import Estimate
from app.contract.recipe import Recipe
from app.store.catalog import card_of, network_row
from app.store.tables import NetworkRow, RecipeRow, ResultCountRow, UnitRow, VisualizationRow

LOOKED_AT = 50  # units of a network that were visualized last
ENOUGH = 3  # results of a layer that say more than those of the whole network
CHUNK = 500


def estimate(
    session: Session, *, slug: str, units: Mapping[str, Sequence[int]], recipe: Recipe, recipe_key: str
) -> Estimate:
    """Of the units (by layer) under the recipe: how many are there already, and the seconds for the rest on one
    worker. A result's seconds are its share of its batch; they are scaled by the steps."""
    network = network_row(session, slug)
    paces = _paces(session, network.id)
    known = [pace for found in paces.values() for pace in found]
    seconds: float | None = 0.0
    cached = count = basis = 0
    for layer, indices in units.items():
        made = _made(session, network, layer, indices, recipe_key)
        cached, count = cached + made, count + len(indices)
        own = paces.get(layer, [])
        own = own if len(own) >= ENOUGH else known
        basis = max(basis, len(own))
        if seconds is not None and len(indices) > made:
            seconds = seconds + median(own) * recipe.steps * (len(indices) - made) if own else None
    return Estimate(count=count, cached=cached, seconds=seconds, basis=basis)


def _paces(session: Session, network: int) -> dict[str, list[float]]:
    """Seconds a step, by layer, of the newest results."""
    newest = (
        select(UnitRow.id, UnitRow.layer)
        .where(UnitRow.network_id == network, UnitRow.visualized_at.is_not(None))
        .order_by(UnitRow.visualized_at.desc())
        .limit(LOOKED_AT)
        .subquery()
    )
    rows = session.execute(
        select(
            newest.c.layer, VisualizationRow.measurements["seconds"].as_float(), RecipeRow.body["steps"].as_integer()
        )
        .join(VisualizationRow, VisualizationRow.unit_id == newest.c.id)
        .join(RecipeRow, RecipeRow.key == VisualizationRow.recipe_key)
        .limit(5 * LOOKED_AT)
    ).all()
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
        return session.scalar(known) or 0
    found = 0
    for start in range(0, len(units), CHUNK):
        found += session.scalars(
            select(func.count())
            .select_from(VisualizationRow)
            .join(UnitRow, UnitRow.id == VisualizationRow.unit_id)
            .where(
                UnitRow.network_id == network.id,
                UnitRow.layer == layer,
                UnitRow.index.in_(units[start : start + CHUNK]),
                VisualizationRow.recipe_key == recipe_key,
            )
        ).one()
    return found
