"""The networks that the project ships, loaded from their weights: no dashboard is needed."""

from worker.networks.load import load_network, read_network
from worker.networks.network import Network
from worker.shipped.paths import WEIGHTS_FOLDER
from worker.shipped.training import find_trained_network


def load_shipped(name: str) -> Network:
    """Return a shipped network by its name: `default`, `control` or `judge`."""
    trained = find_trained_network(name)
    card, weights = read_network(family=trained.family, weights=WEIGHTS_FOLDER / trained.weights, slug=name, title=name)
    return load_network(card, weights)
