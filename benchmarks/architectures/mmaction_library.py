"""Compare the small networks of `mmaction.py` with MMAction2's own classes, where the library can be imported.

python -m benchmarks.architectures.mmaction_library

The library builds each network from the config in its checkpoint and must take all its tensors under their names. Its
logits on a random clip are compared with those of the network here. Measured with mmaction2 1.2.0, mmengine 0.10.7 and
mmcv-lite 2.1.0 (whose wheels need modules that they do not bring: see `import_library`).
"""

import importlib
import importlib.metadata
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

import torch

from app.contract.network import StreamName
from benchmarks.architectures import mmaction
from worker.networks.load import load_network, read_network
from worker.networks.torchvision_operators import prepare_torchvision
from worker.networks.trace import zero_inputs


def import_library() -> Any:
    """Import the library's registry of models, with empty stand-ins for what its wheel lacks and these do not use."""
    for name, attributes in (
        ("mmaction.models.localizers.drn", {"__path__": []}),
        ("mmaction.models.localizers.drn.drn", {"DRN": None}),
        ("mmaction.models.multimodal", {"__path__": []}),
    ):
        sys.modules[name] = types.ModuleType(name)
        vars(sys.modules[name]).update(attributes)
    sys.modules.setdefault("importlib_metadata", importlib.metadata)
    prepare_torchvision()
    importlib.import_module("mmaction.models")
    importlib.import_module("mmengine.registry").init_default_scope("mmaction")
    return importlib.import_module("mmaction.registry").MODELS


def compare(name: str, models: Any) -> tuple[float, float]:
    """Return the largest difference of logits of a random clip, and the spread of the library's own."""
    config_class: Any = importlib.import_module("mmengine.config").Config
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.pth"
        mmaction.save(mmaction.NETWORKS[name], path)
        network = load_network(*read_network(family=str(path)))
        content = torch.load(path, weights_only=True)
    config = config_class.fromstring(content["meta"]["cfg"], ".py")
    model = models.build(config.model).eval()
    model.load_state_dict(content["state_dict"], strict=True)
    blank = zero_inputs(network.card.streams, 1, torch.device("cpu"))
    generator = torch.Generator().manual_seed(4)
    inputs = {stream: torch.rand(zeros.shape, generator=generator) * 2 - 1 for stream, zeros in blank.items()}
    (values,) = inputs.values()
    pixels = (values[0] + 1) * 127.5
    frames = pixels.transpose(0, 1) if StreamName.CLIP in inputs else pixels[None]
    batch = frames if mmaction.NETWORKS[name].is_2d else pixels[None]  # (segments, C, H, W) or (clips, C, T, H, W)
    data = model.data_preprocessor({"inputs": [batch], "data_samples": [None]})
    with torch.no_grad():
        expected, _ = model.extract_feat(data["inputs"], stage="head")
    return float((network.logits(inputs) - expected).abs().max()), float(expected.std())


if __name__ == "__main__":
    registry = import_library()
    for each in mmaction.NETWORKS:
        difference, spread = compare(each, registry)
        print(f"{each}: logits differ by {difference:.1g}, their spread is {spread:.2g}")
