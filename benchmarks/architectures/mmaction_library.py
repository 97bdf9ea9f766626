"""Compare networks of MMAction2, as its own classes compute them, with those that are opened here.

python -m benchmarks.architectures.mmaction_library [--released]

Compared are the small networks of `mmaction.py`, whose checkpoints the library must take without a tensor missing or
left over; with --released, the networks of all configs that come with the library, whole and with random weights, of
architectures that are opened here. The library has to be installed (measured with mmaction2 1.2.0, mmengine 0.10.7 and
mmcv-lite 2.1.0; its wheels need modules that they do not bring, see `import_library`).
"""

import argparse
import importlib
import importlib.metadata
import sys
import tempfile
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from app.contract.errors import InvalidRequest
from app.contract.network import Stream, StreamName
from benchmarks.architectures import mmaction
from worker.networks.families.mmaction import configure, recognise
from worker.networks.load import load_network, read_network
from worker.networks.state_fit import load_state
from worker.networks.torchvision_operators import prepare_torchvision

SIZE = 64  # of the clips for released networks, in pixels
FOLDERS = ("tsn", "tsm", "c2d", "i3d", "slowonly", "slowfast", "r2plus1d")


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


def compare_small(models: Any) -> Iterator[tuple[str, float, float]]:
    """Yield the name of each small network, the largest difference of its logits, and the spread of the library's."""
    parse: Any = importlib.import_module("mmengine.config").Config.fromstring
    for name, network in mmaction.NETWORKS.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "network.pth"
            mmaction.save(network, path)
            opened = load_network(*read_network(family=str(path)))
            content = torch.load(path, weights_only=True)
        model = models.build(parse(content["meta"]["cfg"], ".py").model).eval()
        model.load_state_dict(content["state_dict"], strict=True)
        stream = opened.card.streams[0]
        yield name, *compare_logits(opened.module, stream, model, stream.height, is_2d=network.is_2d)


def compare_released(models: Any) -> Iterator[tuple[str, float, float]]:
    """Yield the same of each config of the library's, with the reason in its name where a network is not opened."""
    parse: Any = importlib.import_module("mmengine.config").Config.fromfile
    root = Path(str(importlib.import_module("mmaction").__file__)).parent / ".mim" / "configs" / "recognition"
    for path in sorted(path for folder in FOLDERS for path in (root / folder).glob("*.py")):
        config = parse(path)
        text = config.pretty_text
        try:
            torch.manual_seed(3)
            model = models.build(without_pretraining(config.model.to_dict())).eval()
        except KeyError as error:
            yield f"{path.stem} (the library does not build it: {str(error)[:60]})", float("nan"), float("nan")
            continue
        state = model.state_dict()
        try:
            found = recognise(state, {"meta": {"cfg": text}})
        except InvalidRequest as error:
            yield f"{path.stem} ({error.detail.partition(' (found')[0]})", float("nan"), float("nan")
            continue
        assert found is not None
        family = configure(found.config)
        module = family.build(len(state["cls_head.fc_cls.bias"])).eval()
        load_state(module, dict(found.state), family.rename)
        is_2d = config.model.type == "Recognizer2D"
        yield path.stem, *compare_logits(module, family.streams[0], model, SIZE, is_2d=is_2d)


def without_pretraining(config: dict[str, Any]) -> dict[str, Any]:
    """Return the config of a model without the files that its training began with."""
    changed = {
        key: without_pretraining(value) if isinstance(value, dict) else value
        for key, value in config.items()
        if key != "pretrained2d"
    }
    if "pretrained" in changed:
        changed["pretrained"] = None
    return changed | ({"pretrained2d": False} if "pretrained2d" in config else {})


def compare_logits(module: nn.Module, stream: Stream, model: Any, size: int, *, is_2d: bool) -> tuple[float, float]:
    """Return the largest difference of logits of a random clip from the library's, and the spread of the library's."""
    depth = 2 * stream.frames if stream.name is StreamName.MOTION else 3
    shape = (depth, size, size) if stream.name is StreamName.MOTION else (depth, stream.frames, size, size)
    values = torch.rand(shape, generator=torch.Generator().manual_seed(4)) * 2 - 1
    data = model.data_preprocessor({"inputs": [batch((values + 1) * 127.5, is_2d=is_2d)], "data_samples": [None]})
    with torch.no_grad():
        expected, _ = model.extract_feat(data["inputs"], stage="head")
        actual = module({stream.name: values[None]})
    return float((actual - expected).abs().max()), float(expected.std())


def batch(pixels: Tensor, *, is_2d: bool) -> Tensor:
    """Return bytes of a clip (C, T, H, W), or of flow (2L, H, W), as the library's pipelines give them to a network."""
    if pixels.ndim == 4:
        return pixels.transpose(0, 1) if is_2d else pixels[None]  # (segments, C, H, W) or (clips, C, T, H, W)
    return pixels[None] if is_2d else pixels.view(-1, 2, *pixels.shape[1:]).transpose(0, 1)[None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--released", action="store_true", help="the library's own configs instead of small ones")
    compare = compare_released if parser.parse_args().released else compare_small
    for name, difference, spread in compare(import_library()):
        print(f"{name}: logits differ by {difference:.1g}, their spread is {spread:.2g}", flush=True)


if __name__ == "__main__":
    main()
