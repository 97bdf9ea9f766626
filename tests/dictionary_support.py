"""Dictionaries in the store, with facts as the commands write them."""

from collections.abc import Sequence

from app.contract.dictionary import Dictionary, DictionaryFacts, DictionaryMeasures, Method
from app.contract.interval import Interval
from app.contract.network import Layer
from app.store.catalog import dictionaries, networks
from app.store.database.engine import Store

MEASURES = DictionaryMeasures(
    clips=2,
    positions=800,
    explained=Interval(value=0.75, low=0.6, high=0.8),
    random_explained=0.125,
    channels_explained=0.3,
    active=2.5,
    channels_active=6.0,
    dead=1,
    encoder_error=1e-5,
)


def add_dictionary(
    store: Store,
    base: str,
    name: str,
    size: int,
    *,
    network: str = "tiny",
    method: Method = "nmf",
    names: Sequence[str] = (),
    measures: DictionaryMeasures | None = MEASURES,
) -> Layer:
    with store.session() as session:
        layer = networks.get_card(session, slug=network).layer(base)
    found = Dictionary(base=base, method=method, names=tuple(names))
    facts = DictionaryFacts(dataset="little", settings={"seed": 0, "positions": 3200}, measures=measures)
    with store.transaction() as session:
        return dictionaries.add_dictionary(
            session,
            network=network,
            layer=layer.model_copy(update={"name": f"{base}~{name}", "units": size, "dictionary": found}),
            facts=facts,
            pieces=[b"one", b"two"],
            channels=[((unit, 0.9), (0, 0.1)) for unit in range(size)],
        )
