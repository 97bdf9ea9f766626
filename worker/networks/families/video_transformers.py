"""Video transformers of the library `transformers`: VideoMAE, TimeSformer, ViViT and V-JEPA 2, with classes or not.

A network is built by the library from the config that its weights carry (see worker.networks.transformers_directory).
Its layers are, for each block, the residual stream after it, the heads of its attention, what attention adds, and the
hidden units of its MLP.
"""

import importlib
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from app.contract.errors import InvalidRequest
from app.contract.network import Extent, OmittedModule, Stream, StreamName
from worker.networks.families.transformer_architectures import ARCHITECTURES, Architecture, Config, Tokens
from worker.networks.optional_library import library_missing
from worker.networks.registry import Family, find_family, register
from worker.networks.tokens import FrameTap, FrameTokenTap, Grid, OutputTap, PositionTokenTap, TokenTap
from worker.networks.torchvision_operators import prepare_torchvision

MAX_TOKENS, MAX_WIDTH, MAX_BLOCKS = 65_536, 65_536, 1_000  # larger ones are no networks, but mistakes or bombs


def import_transformers() -> Any:
    """Return the library. Raises InvalidRequest, with what to install, where it is missing."""
    try:
        prepare_torchvision()  # which the library imports where it is installed
        return importlib.import_module("transformers")
    except ImportError as error:
        raise library_missing("This network is built by the library transformers", error) from None


class VideoTransformer(nn.Module):
    """A model of the library with taps at its layers.

    It maps inputs[clip] (B, 3, T, H, W) in [-1, 1] to logits (B, classes), or an encoder to its last tokens (B, N, D).
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, architecture: Architecture, config: Any, scale: Tensor, shift: Tensor) -> None:
        """Build a model with random weights. It takes `scale` * values + shift, both (3,), as pixels."""
        super().__init__()
        self.argument, self.options = architecture.input, dict(architecture.call_options)
        self.output = "last_hidden_state" if architecture.is_encoder else "logits"
        self.model = build_model(architecture, config)
        omitted = (*architecture.omitted, *architecture.omitted_in_head)
        self.omitted = tuple(OmittedModule(module=name, reason=reason) for name, reason in omitted)
        self.register_buffer("scale", scale.view(1, 3, 1, 1, 1), persistent=False)
        self.register_buffer("shift", shift.view(1, 3, 1, 1, 1), persistent=False)
        self.size = clip_size(architecture, config)
        patches = self.model.get_submodule(architecture.patches)
        grid = token_grid(patches, self.size)
        self.patch_embedding: OutputTap = OutputTap() if isinstance(patches, nn.Conv3d) else FrameTap(grid[0])
        self.patch_embedding.attach(patches)
        self.blocks = nn.ModuleList()
        for block in self.model.get_submodule(architecture.blocks):
            class_tokens, order = architecture.class_tokens, architecture.order
            taps = TokenTap(grid, order=order, class_tokens=class_tokens, show_class_token=True)
            taps.attach(block)
            for layer in architecture.block_layers(config):
                tap = make_tap(layer.tokens, grid, architecture)
                (tap.attach_input if layer.of_input else tap.attach)(block.get_submodule(layer.path))
                taps.add_module(layer.name, tap)
            self.blocks.append(taps)

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        clip = inputs[StreamName.CLIP]
        if tuple(clip.shape[2:]) != self.size:
            raise ValueError(f"it takes clips of {self.size}, whose positions it has learned, not {clip.shape[2:]}")
        pixels = (clip * self.scale + self.shift).transpose(1, 2)
        output = self.model(**{self.argument: pixels}, **self.options, return_dict=True)
        return getattr(output, self.output)  # type: ignore[no-any-return]


def make_tap(tokens: Tokens, grid: Grid, architecture: Architecture) -> OutputTap:
    """Return the tap that shows what a module works on as a map."""
    if tokens == "frames":
        return FrameTokenTap(grid, class_tokens=architecture.class_tokens)
    if tokens == "positions":
        return PositionTokenTap(grid, order=architecture.order)
    return TokenTap(grid, order=architecture.order, class_tokens=architecture.class_tokens if tokens == "tokens" else 0)


def build_model(architecture: Architecture, config: Any) -> Any:
    """Return the library's model with random weights."""
    return getattr(import_transformers(), architecture.model)(config, **dict(architecture.build_options))


def clip_size(architecture: Architecture, config: Any) -> tuple[int, int, int]:
    """Return frames, height and width of the clips that a network takes."""
    size = getattr(config, architecture.size)
    height, width = size if isinstance(size, list | tuple) else (size, size)
    return int(getattr(config, architecture.frames)), int(height), int(width)


def token_grid(patches: nn.Module, size: tuple[int, int, int]) -> Grid:
    """Return how many tokens along time, height and width the convolution that makes patches gives of a clip."""
    if not isinstance(patches, nn.Conv2d | nn.Conv3d):
        raise InvalidRequest(f"The patch embedding is a {type(patches).__name__}, where a convolution was expected.")
    kernel, stride = tuple(patches.kernel_size), tuple(patches.stride)
    kernel, stride = (1,) * (3 - len(kernel)) + kernel, (1,) * (3 - len(stride)) + stride
    t, h, w = ((side - k) // s + 1 for side, k, s in zip(size, kernel, stride, strict=True))
    return t, h, w


def configure(architecture: Architecture, text: str) -> Family:
    """Return the family of one network, from the JSON of its config and its processor that its weights carry."""
    content = json.loads(text)
    config, processor = content["config"], content["processor"]
    architecture = architecture.of(config) or architecture
    made = make_config(architecture, config)
    frames, height, width = clip_size(architecture, made)
    scale, shift = pixel_scale(processor, is_offset=architecture.is_offset)

    def build(classes: int) -> nn.Module:
        own = make_config(architecture, config)
        if not architecture.is_encoder:
            own.num_labels = classes
        return VideoTransformer(architecture, own, scale, shift)

    family = find_family(architecture.name)
    return replace(
        family,
        title=f"{architecture.title}, encoder" if architecture.is_encoder else family.title,
        summary=f"{architecture.title} without classes, an encoder built by the library transformers."
        if architecture.is_encoder
        else family.summary,
        build=build,
        streams=(Stream(name=StreamName.CLIP, frames=frames, height=height, width=width),),
        stimulus=Extent(frames=frames, height=height, width=width),
        labels=() if architecture.is_encoder else labels_of(made),
        has_classes=not architecture.is_encoder,
        rename=lambda name: name if name.startswith("model.") else f"model.{name}",
        short_side=max(short_side(processor, min(height, width)), min(height, width)),
    )


def make_config(architecture: Architecture, config: Config) -> Any:
    """Return the library's config object. Raises InvalidRequest for one that it refuses, or of absurd size."""
    library = import_transformers()
    # neither precision nor an attention of someone's own, which the library would fetch as code
    plain = {key: value for key, value in config.items() if "attn_implementation" not in key and key != "torch_dtype"}
    try:
        made = getattr(library, architecture.model).config_class.from_dict({**plain, "dtype": "float32"})
        frames, height, width = clip_size(architecture, made)
        tubelet = getattr(made, "tubelet_size", 1)
        patch = getattr(made, "patch_size", tubelet[1:] if isinstance(tubelet, list | tuple) else 1)
        sides = patch if isinstance(patch, list | tuple) else (patch, patch)
        depth = tubelet[0] if isinstance(tubelet, list | tuple) else tubelet
        tokens = (frames // depth) * (height // sides[0]) * (width // sides[1])
        widths = (made.hidden_size, getattr(made, "intermediate_size", made.hidden_size), made.num_labels)
        is_sane = 0 < tokens <= MAX_TOKENS and max(widths) <= MAX_WIDTH and made.num_hidden_layers <= MAX_BLOCKS
    except Exception as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InvalidRequest(f"The library refuses the network's config.json: {first}") from None
    if not is_sane:
        raise InvalidRequest(
            f"The config.json describes {tokens:,} tokens, layers of {max(widths):,} units and "
            f"{made.num_hidden_layers:,} blocks: no network of this kind has such sizes. Fetch the file again."
        )
    if getattr(made, "attention_type", "") == "space_only":
        raise InvalidRequest(
            "This TimeSformer has the attention `space_only`, which computes frames apart and averages them: register "
            "it with a family file of your own (docs/networks.md)."
        )
    return made


def labels_of(config: Any) -> tuple[str, ...]:
    """Return the class labels in the order of the outputs; none where the config does not give each one its name."""
    labels = tuple(str(config.id2label.get(index, "")).strip() for index in range(config.num_labels))
    return labels if all(labels) and len(set(labels)) == len(labels) else ()


def pixel_scale(processor: Config, *, is_offset: bool) -> tuple[Tensor, Tensor]:
    """Return scale and shift, both (3,), by which values in [-1, 1] become what the processor makes of 8-bit pixels."""
    factor = float(processor.get("rescale_factor", 1 / 127.5 if is_offset else 1 / 255))
    if not processor.get("do_rescale", True):
        factor = 1.0
    offset = 1.0 if processor.get("offset", is_offset) and processor.get("do_rescale", True) else 0.0
    mean, std = torch.zeros(3), torch.ones(3)
    if processor.get("do_normalize", True):
        mean, std = torch.tensor(processor["image_mean"]), torch.tensor(processor["image_std"])
    return 127.5 * factor / std, (127.5 * factor - offset - mean) / std


def short_side(processor: Config, own: int) -> int:
    """Return the pixels to which the processor scales the shorter side of a video before it crops the middle."""
    if not processor.get("do_resize", True):
        return own
    size = processor.get("size", own)
    if isinstance(size, Mapping):
        size = size.get("shortest_edge", min(size.get("height", own), size.get("width", own)))
    return int(size)


def _refuse_without_config(architecture: Architecture, classes: int) -> nn.Module:
    raise InvalidRequest(
        f"Weights of {architecture.title} need the network's config: give the directory that holds config.json and "
        "the weights, `networks add DIRECTORY`."
    )


for _architecture in ARCHITECTURES.values():
    register(
        name=_architecture.name,
        title=_architecture.title,
        summary=f"{_architecture.title} for video classification, built by the library transformers.",
        streams=(Stream(name=StreamName.CLIP, frames=16, height=224, width=224),),
        stimulus=Extent(frames=16, height=224, width=224),
        classes=400,
        configure=partial(configure, _architecture),
    )(partial(_refuse_without_config, _architecture))
