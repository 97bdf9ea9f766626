"""Tiny networks of the library transformers with random weights, saved as people have them."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from app.contract.network import StreamName
from benchmarks.architectures.case import Case, Inputs, SavedNetwork
from worker.networks.families.video_transformers import import_transformers

LABELS = ("hop", "skip", "jump")
COMMON = {
    "hidden_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "id2label": dict(enumerate(LABELS)),
    "label2id": {label: index for index, label in enumerate(LABELS)},
}
SIZED = COMMON | {"image_size": 32, "num_frames": 4, "intermediate_size": 40}
# class of the config, its arguments, and of the model
KINDS: dict[str, tuple[str, dict[str, Any], str]] = {
    "videomae": ("VideoMAEConfig", SIZED | {"patch_size": 8, "tubelet_size": 2}, "VideoMAEForVideoClassification"),
    "timesformer": ("TimesformerConfig", SIZED | {"patch_size": 8}, "TimesformerForVideoClassification"),
    "vivit": ("VivitConfig", SIZED | {"tubelet_size": [2, 8, 8]}, "VivitForVideoClassification"),
    "vjepa2": (
        "VJEPA2Config",
        COMMON
        | {"crop_size": 32, "frames_per_clip": 4, "patch_size": 8, "mlp_ratio": 2.0, "num_pooler_layers": 1}
        | {"pred_hidden_size": 12, "pred_num_attention_heads": 2, "pred_num_hidden_layers": 1},
        "VJEPA2ForVideoClassification",
    ),
}
ENCODERS = {  # models without classes, and their kind
    "VideoMAEForPreTraining": "videomae",
    "VideoMAEModel": "videomae",
    "TimesformerModel": "timesformer",
    "VivitModel": "vivit",
    "VJEPA2Model": "vjepa2",
}
PRETRAINING = {  # of the decoder
    "decoder_hidden_size": 12,
    "decoder_num_attention_heads": 2,
    "decoder_num_hidden_layers": 1,
    "decoder_intermediate_size": 16,
}
PROCESSORS: dict[str, tuple[str, dict[str, Any]]] = {
    "videomae": (
        "preprocessor_config.json",
        {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225], "size": {"shortest_edge": 32}},
    ),
    "timesformer": (
        "preprocessor_config.json",
        {"image_mean": [0.45, 0.45, 0.45], "image_std": [0.225, 0.225, 0.225], "size": {"shortest_edge": 32}},
    ),
    "vivit": (
        "preprocessor_config.json",
        {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "rescale_factor": 1 / 127.5, "size": {"shortest_edge": 36}},
    ),
    "vjepa2": (
        "video_preprocessor_config.json",
        {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225], "size": {"shortest_edge": 36}},
    ),
}


def save(kind: str, folder: Path, *, shards: bool = False, **changes: Any) -> Path:
    """Save a seeded network of a kind as the library does, with its processor's config, and return the folder."""
    config_class, arguments, model_class = KINDS[kind]
    return _save(kind, model_class, config_class, arguments | changes, folder, shards=shards)


def save_encoder(model: str, folder: Path) -> Path:
    """Save a seeded network without classes as the library does, with its processor's config, and return the folder."""
    config_class, arguments, _ = KINDS[ENCODERS[model]]
    without_labels = {key: value for key, value in arguments.items() if key not in ("id2label", "label2id")}
    own = PRETRAINING | {"use_mean_pooling": False} if model.startswith("VideoMAE") else {}
    return _save(ENCODERS[model], model, config_class, without_labels | own, folder)


def _save(
    kind: str, model_class: str, config_class: str, arguments: dict[str, Any], folder: Path, *, shards: bool = False
) -> Path:
    transformers = import_transformers()
    config = getattr(transformers, config_class)(**arguments)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = getattr(transformers, model_class)(config)
        for parameter in model.parameters():
            nn.init.normal_(parameter, std=0.2)  # the library's own are so small that all logits are alike
    model.save_pretrained(folder, max_shard_size="20KB" if shards else "1GB")
    name, processor = PROCESSORS[kind]
    (folder / name).write_text(json.dumps(processor))
    return folder


def open_original(kind: str, folder: Path) -> Any:
    """Return the library's own model of a folder."""
    return getattr(import_transformers(), KINDS[kind][2]).from_pretrained(folder, local_files_only=True).eval()


def open_encoder(model: str, folder: Path) -> Any:
    """Return the library's own encoder of a folder, without the decoder of its pretraining."""
    name = model.replace("ForPreTraining", "Model")
    return getattr(import_transformers(), name).from_pretrained(folder, local_files_only=True).eval()


def pixel_values(kind: str, clip: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return what the library's processor makes of 8-bit pixels (T, H, W, 3) of the right size."""
    processor = PROCESSORS[kind][1]
    values = clip.float() * processor.get("rescale_factor", 1 / 255) - (1 if kind == "vivit" else 0)
    values = (values - torch.tensor(processor["image_mean"])) / torch.tensor(processor["image_std"])
    name = "pixel_values_videos" if kind == "vjepa2" else "pixel_values"
    return {name: values.permute(0, 3, 1, 2)[None]}


def save_case(kind: str, folder: Path) -> SavedNetwork:
    """Save a network of a kind, and return what is tried of it."""
    save(kind, folder)

    def logits(inputs: Inputs) -> Tensor:
        clips = (inputs[StreamName.CLIP] + 1) * 127.5
        values = [pixel_values(kind, clip.permute(1, 2, 3, 0)) for clip in clips]
        joined = {name: torch.cat([each[name] for each in values]) for name in values[0]}
        with torch.no_grad():
            return open_original(kind, folder)(**joined).logits  # type: ignore[no-any-return]

    return SavedNetwork(folder, logits)


CASES = tuple(
    Case(name, "transformers", partial(save_case, kind), middle="blocks.1")
    for kind, name in (
        ("videomae", "VideoMAE"),
        ("timesformer", "TimeSformer"),
        ("vivit", "ViViT"),
        ("vjepa2", "V-JEPA 2"),
    )
)
