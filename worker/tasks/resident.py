"""Networks kept loaded between jobs: reading and tracing one takes longer than many a job."""

from collections import OrderedDict
from dataclasses import replace

import torch

from app.settings import settings
from app.store.catalog import networks
from app.store.database.engine import Store
from worker.devices import choose_precision
from worker.networks.load import load_network
from worker.networks.network import Network

KEPT = 2


class Resident:
    """The networks used last, by checksum."""

    def __init__(self, store: Store, device: torch.device, kept: int = KEPT) -> None:
        self.store = store
        self.device = device
        self.kept = kept
        self._networks: OrderedDict[str, Network] = OrderedDict()

    def network(self, slug: str) -> Network:
        with self.store.session() as session:
            card = networks.get_card(session, slug=slug)
        if card.checksum not in self._networks:
            while len(self._networks) >= self.kept:
                self._networks.popitem(last=False)
            with self.store.session() as session:
                weights = networks.read_weights(session, slug=slug)
            loaded = load_network(card, weights, self.device)
            precision = choose_precision(settings().precision, loaded.module)
            self._networks[card.checksum] = replace(loaded, precision=precision)
        self._networks.move_to_end(card.checksum)
        return self._networks[card.checksum]
