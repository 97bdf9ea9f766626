"""Save what was computed in a notebook in the dashboard's database."""

from dataclasses import dataclass
from urllib.parse import quote

from app.contract.errors import NetworkExists, UnknownNetwork
from app.contract.network import NetworkCard
from app.contract.recipe import ResolvedRecipe
from app.settings import settings
from app.store import Session
from app.store.catalog import networks
from app.store.catalog.units import unit_records
from app.store.database.engine import open_store
from app.store.results.recipes import store_recipe
from app.store.results.visualizations import save_visualization
from worker.maximize.from_recipe import Visualization
from worker.networks.families.notebook import FAMILY
from worker.render.stimulus import render_stimulus

NO_CODE = (
    "Workers do not have the module's code, so they cannot compute more of it: visualize in the notebook and save, or "
    "write a family file and add the network with it (docs/networks.md)."
)


@dataclass(frozen=True)
class Saved:
    """Where a saved stimulus is shown, and what does not work there."""

    url: str
    note: str

    def __repr__(self) -> str:
        return f"{self.url}\n{self.note}" if self.note else self.url


def save_stimulus(
    card: NetworkCard, weights: bytes, layer: str, unit: int, recipe: ResolvedRecipe, result: Visualization
) -> Saved:
    """Register the network where it is not, and store the stimulus of a unit with its pictures.

    Raises NetworkExists where another network has this slug, or this network has another.
    """
    media = render_stimulus(result.stimulus, result.frames)
    store = open_store(settings().sqlalchemy_url)
    try:
        with store.transaction() as session:
            _register(session, card, weights)
            position = (card.layer(layer).index, unit)
            record = unit_records(session, card=card, positions=[position])[position]
            key = store_recipe(session, recipe)
            save_visualization(
                session, unit_id=record.id, recipe_key=key, measurements=result.measurements, media=media
            )
    finally:
        store.close()
    name = quote(layer.replace("~", "~0").replace("/", "~1"), safe="")  # as the dashboard writes layers in addresses
    address = f"http://{settings().host}:{settings().port}/{card.slug}/{name}/{unit}"
    return Saved(address, NO_CODE if card.family == FAMILY else "")


def _register(session: Session, card: NetworkCard, weights: bytes) -> None:
    try:
        existing = networks.get_card(session, slug=card.slug)
    except UnknownNetwork:
        networks.add_network(session, card=card, weights=networks.weight_chunks(weights))
        return
    if (existing.checksum, existing.family, existing.classes) != (card.checksum, card.family, card.classes):
        raise NetworkExists(
            f"Another network is registered as {card.slug!r}: save this one under a name of its own, "
            f'`save("{card.slug}-2")`.',
            network=card.slug,
        )
