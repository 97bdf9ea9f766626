"""Weights that stand in for the shipped ones."""

from pathlib import Path

import pytest

from worker.mocap.training.train import export
from worker.networks.families.mocap_classes import CLASS_NAMES
from worker.networks.registry import find_family
from worker.shipped.training import TRAINED_NETWORKS


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with untrained weights, to use instead of the shipped ones."""
    folder = tmp_path_factory.mktemp("weights")
    for network in TRAINED_NETWORKS.values():
        export(find_family(network.family).build(len(CLASS_NAMES)), folder / network.weights, {})
    return folder
