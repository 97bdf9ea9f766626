"""Keep networks loaded between jobs, because reading and tracing one takes longer than many jobs do."""

from collections import OrderedDict
from dataclasses import replace

import torch

from app.contract.network import NetworkCard
from app.settings import settings
from app.store.catalog import dictionaries, networks
from app.store.database.engine import Store
from worker.devices import choose_precision
from worker.networks.load import load_network
from worker.networks.network import Network
from worker.networks.stimulus_limits import with_limits

MAX_NETWORKS = 2  # loaded at the same time


class NetworkCache:
    """The networks that were used last, loaded on a device with the precision of the settings."""

    def __init__(self, store: Store, device: torch.device, max_networks: int = MAX_NETWORKS) -> None:
        self.store = store
        self.device = device
        self.max_networks = max_networks
        self._networks: OrderedDict[NetworkCard, Network] = OrderedDict()

    def load(self, slug: str) -> Network:
        """Return the network of that slug, from the cache or from the store. Raises UnknownNetwork."""
        with self.store.session() as session:
            card = networks.get_card(session, slug=slug)
        if card not in self._networks:
            while len(self._networks) >= self.max_networks:
                self._networks.popitem(last=False)
            with self.store.session() as session:
                weights = networks.read_weights(session, slug=slug)
                files = dictionaries.read_dictionaries(session, card=card)
            network = self._with_limits(load_network(card, weights, self.device, files))
            precision = choose_precision(settings().precision, network.module)
            card = network.card  # with what was measured just now, as the store has it too
            self._networks[card] = replace(network, precision=precision)
        self._networks.move_to_end(card)
        return self._networks[card]

    def _with_limits(self, network: Network) -> Network:
        """Return the network with the sizes that its layers take; measure and store them if its card is from before."""
        card = network.card
        if all(layer.sizes is not None for layer in card.layers):
            return network
        layers = with_limits(network.module, card.layers, network.points, card.streams, card.stimulus)
        card = card.model_copy(update={"layers": layers})
        with self.store.transaction() as session:
            networks.update_limits(session, card=card)
        return replace(network, card=card)
