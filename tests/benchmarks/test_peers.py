"""Libraries are compared on one network: what each is given computes the same."""

import importlib.util

import numpy as np
import pytest
import torch

from app.contract.network import StreamName
from benchmarks import appearance
from benchmarks.peers import Case, Subject, default_subject
from benchmarks.vgg import MEAN, STD
from worker.graph.forward_hook import forward_to


@pytest.fixture(scope="module")
def default() -> Subject:
    return default_subject(torch.float32)


@pytest.fixture(scope="module")
def image() -> torch.Tensor:
    """Return an image in [0, 1], (1, 3, 112, 112)."""
    return torch.rand((1, 3, 112, 112), generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def expected(subject: Subject, layer: str, image: torch.Tensor) -> np.ndarray:
    """Return the activation of the network itself, (C, H, W)."""
    motion = torch.zeros(1, 20, 112, 112)
    seen = {StreamName.APPEARANCE: image * 2 - 1, StreamName.MOTION: motion}
    return subject.network.activation(layer, seen)[0, :, 0].numpy()


def assert_alike(found: np.ndarray, wanted: np.ndarray) -> None:
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() < 1e-4 * np.abs(wanted).max()


@pytest.mark.parametrize("layer", appearance.LAYERS)
@torch.no_grad()
def test_the_plain_module_is_the_appearance_stream(default: Subject, image: torch.Tensor, layer: str) -> None:
    normalised = (image - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    with forward_to(default.module, Case(layer, "center", (0,)).module) as activation:
        found = activation(normalised)
    assert_alike(found[0].numpy(), expected(default, layer, image))


@pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="TensorFlow is not installed")
@pytest.mark.filterwarnings("default")
def test_the_keras_model_is_the_appearance_stream(default: Subject, image: torch.Tensor) -> None:
    import tensorflow as tf

    model = default.keras()
    for layer in appearance.LAYERS:
        part = tf.keras.Model(model.inputs, model.get_layer(Case(layer, "center", (0,)).module).output)
        found = part(image.permute(0, 2, 3, 1).numpy()).numpy()[0]
        assert_alike(np.moveaxis(found, -1, 0), expected(default, layer, image))
