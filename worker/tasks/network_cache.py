"""Keep networks loaded between jobs, because reading and tracing one takes longer than many jobs do."""

from collections import OrderedDict
from dataclasses import replace

import torch

from app.settings import settings
from app.store.catalog import networks
from app.store.database.engine import Store
from worker.devices import choose_precision
from worker.networks.load import load_network
from worker.networks.network import Network

MAX_NETWORKS = 2  # loaded at the same time


class NetworkCache:
    """The networks that were used last, loaded on a device with the precision of the settings."""

    def __init__(self, store: Store, device: torch.device, max_networks: int = MAX_NETWORKS) -> None:
        self.store = store
        self.device = device
        self.max_networks = max_networks
        self._networks: OrderedDict[str, Network] = OrderedDict()  # by checksum

    def load(self, slug: str) -> Network:
        """Return the network of that slug, from the cache or from the store. Raises UnknownNetwork."""
        with self.store.session() as session:
            card = networks.get_card(session, slug=slug)
        if card.checksum not in self._networks:
            while len(self._networks) >= self.max_networks:
                self._networks.popitem(last=False)
            with self.store.session() as session:
                weights = networks.read_weights(session, slug=slug)
            network = load_network(card, weights, self.device)
            precision = choose_precision(settings().precision, network.module)
            self._networks[card.checksum] = replace(network, precision=precision)
        self._networks.move_to_end(card.checksum)
        return self._networks[card.checksum]
