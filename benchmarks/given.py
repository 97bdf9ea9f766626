"""The network and the clips that a command line names."""

import argparse
from pathlib import Path

from worker.evidence.predict import clip_inputs
from worker.graph.inputs import Inputs
from worker.networks.load import describe_network, load_network
from worker.networks.network import Network


def given(description: str | None) -> tuple[Network, list[Inputs]]:
    """Of a family, its weights and videos, in the order of the command line."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("family")
    parser.add_argument("weights", type=Path)
    parser.add_argument("clips", type=Path, nargs="+")
    options = parser.parse_args()
    card = describe_network(family=options.family, weights=options.weights)
    network = load_network(card, options.weights.read_bytes())
    return network, [clip_inputs(network, path) for path in options.clips]
