"""Command-line arguments of the benchmarks that show clips to a network."""

import argparse
from pathlib import Path

from worker.evidence.predict import clip_inputs
from worker.graph.inputs import Inputs
from worker.networks.load import describe_network, load_network
from worker.networks.network import Network


def read_arguments(description: str | None) -> tuple[Network, list[Inputs]]:
    """Return the network of a family and its weights, and the inputs of the videos, in the order given."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("family")
    parser.add_argument("weights", type=Path)
    parser.add_argument("clips", type=Path, nargs="+")
    options = parser.parse_args()
    card = describe_network(family=options.family, weights=options.weights)
    network = load_network(card, options.weights.read_bytes())
    return network, [clip_inputs(network, path) for path in options.clips]
