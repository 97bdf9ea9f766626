"""The module that runs a network of PyTorchVideo, with taps at its layers under names of the papers.

`stem`, `res2.0` to `res5.2` and, within a block, `conv_a` and `conv_b`: a block is the sum of its branch and its
shortcut, before the ReLU. SlowFast has two such pathways, `slow` and `fast`, with `lateral` between them.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from app.contract.network import OmittedModule, StreamName
from worker.networks.pytorchvideo.building import build
from worker.networks.pytorchvideo.training_config import TrainingConfig
from worker.networks.tokens import ATTENTION_REASON, NORM_REASON, Grid, OutputTap, TokenTap, pooled_grid

OMITTED_RESIDUAL = (
    ("blocks.*.branch2.conv_c, branch1_conv", "are added to each other: their sum is the block's layer"),
    ("blocks.*.pool, dropout", "pool or pass on what is shown before them"),
)
OMITTED_X3D = (
    ("blocks.*.branch2.norm_b.1", "squeeze and excitation is one number a unit for the whole clip, and no map"),
)
OMITTED_R2PLUS1D = (("blocks.*.branch2.conv_b.conv_xy", "its output, normalised, is the layer conv_b"),)
OMITTED_MVIT = (
    ("blocks.*.attn.q, k, v, pool_*", ATTENTION_REASON),
    ("blocks.*.norm1, norm2, norm_embed", NORM_REASON),
    ("cls_positional_encoding", "adds positions and the class token to what is shown before it"),
)


class FusionTap(OutputTap):
    """The first of the pathways that a lateral connection returns: the slow one, with what has come from the fast."""

    def _replace(self, module: nn.Module, inputs: Any, output: Any) -> Any:
        return [self(output[0]), *output[1:]]


class VideoNetwork(nn.Module):
    """A network of the library that maps inputs[clip] (B, 3, T, H, W) in [-1, 1] to logits (B, classes)."""

    scale: Tensor
    shift: Tensor

    def __init__(self, kind: str, arguments: Mapping[str, Any], config: TrainingConfig, classes: int) -> None:
        super().__init__()
        mean, std = torch.tensor(config.mean), torch.tensor(config.std)
        self.register_buffer("scale", (0.5 / std).view(1, 3, 1, 1, 1), persistent=False)
        self.register_buffer("shift", ((0.5 - mean) / std).view(1, 3, 1, 1, 1), persistent=False)
        self.is_bgr = config.is_bgr
        self.alpha = config.alpha if kind == "slowfast" else 0
        self.size = (config.frames, config.crop, config.crop) if kind == "mvit" else None
        self.model: Any = build(kind, arguments, config, classes)
        omitted: tuple[tuple[str, str], ...] = OMITTED_RESIDUAL
        if kind == "mvit":
            omitted = OMITTED_MVIT
            self._tap_tokens(arguments["grid"])
        elif kind == "slowfast":
            self._tap_pathways()
        else:
            self._tap_blocks()
            omitted += OMITTED_X3D if kind == "x3d" else OMITTED_R2PLUS1D if kind == "r2plus1d" else ()
        self.omitted = tuple(OmittedModule(module=module, reason=reason) for module, reason in omitted)

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        clip = inputs[StreamName.CLIP]
        if self.size is not None and tuple(clip.shape[2:]) != self.size:
            raise ValueError(f"it takes clips of {self.size}, whose positions it has learned, not {clip.shape[2:]}")
        pixels = (clip.flip(1) if self.is_bgr else clip) * self.scale + self.shift
        if self.alpha:
            return self.model([slow_frames(pixels, self.alpha), pixels])  # type: ignore[no-any-return]
        return self.model(pixels)  # type: ignore[no-any-return]

    def _tap_blocks(self) -> None:
        parts = list(self.model.blocks)
        self.stem = tap_before(parts[0].activation)
        stages = [part for part in parts if hasattr(part, "res_blocks")]
        for number, stage in enumerate(stages, 2):
            self.add_module(f"res{number}", tap_stage(stage))
        head = parts[-1]
        if hasattr(head.pool, "pre_act"):  # X3D's, of two convolutions
            self.head = nn.Module()
            self.head.add_module("pre_conv", tap_before(head.pool.pre_act))
            self.head.add_module("post_conv", tap_before(head.pool.post_act))

    def _tap_pathways(self) -> None:
        stem, *stages = [part for part in self.model.blocks if hasattr(part, "multipathway_blocks")]
        self.slow, self.fast, self.lateral, self.fused = (nn.Module() for _ in range(4))
        for pathway, index in ((self.slow, 0), (self.fast, 1)):
            pathway.add_module("stem", tap_before(stem.multipathway_blocks[index].activation))
            for number, stage in enumerate(stages, 2):
                pathway.add_module(f"res{number}", tap_stage(stage.multipathway_blocks[index]))
        for name, part in zip(("stem", "res2", "res3", "res4"), (stem, *stages), strict=False):
            fusion = part.multipathway_fusion
            self.lateral.add_module(name, tap_before(fusion.activation))
            tap = FusionTap()
            tap.attach(fusion)
            self.fused.add_module(name, tap)

    def _tap_tokens(self, grid: list[int]) -> None:
        self.patch_embedding = OutputTap()
        self.patch_embedding.attach(self.model.patch_embed.patch_model)
        self.blocks = nn.ModuleList()
        class_tokens = int(self.model.cls_positional_encoding.cls_embed_on)
        now: Grid = (grid[0], grid[1], grid[2])
        for block in self.model.blocks:
            now = now if block.attn.pool_q is None else pooled_grid(block.attn.pool_q, now)
            taps = TokenTap(now, class_tokens=class_tokens, show_class_token=True)
            taps.attach(block)
            for name, part in (("attention", block.attn), ("mlp", block.mlp.act)):
                tap = TokenTap(now, class_tokens=class_tokens)
                tap.attach(part)
                taps.add_module(name, tap)
            self.blocks.append(taps)


def slow_frames(clip: Tensor, alpha: int) -> Tensor:
    """Return the frames of the slow pathway, (B, 3, T // alpha, H, W), of a clip (B, 3, T, H, W).

    As in training, they lie evenly from the first frame to the last, rounded down; T // alpha of them.
    """
    count = clip.shape[2] // alpha
    indices = torch.linspace(0, clip.shape[2] - 1, count, device="cpu").long().tolist()
    return clip[:, :, indices]


def tap_before(activation: nn.Module) -> OutputTap:
    """Return a tap of what enters a nonlinearity."""
    tap = OutputTap(rectified=isinstance(activation, nn.ReLU))
    tap.attach_input(activation)
    return tap


def tap_stage(stage: Any) -> nn.ModuleList:
    """Return a tap for each residual block of a stage, which holds those of its first two convolutions."""
    taps = nn.ModuleList()
    for block in stage.res_blocks:
        tap, branch = tap_before(block.activation), block.branch2
        tap.add_module("conv_a", tap_before(branch.act_a))
        if hasattr(branch.conv_b, "conv_t"):  # of R(2+1)D: along time, then along height and width
            tap.add_module("conv_t", tap_before(branch.conv_b.activation))
        tap.add_module("conv_b", tap_before(branch.act_b))
        taps.append(tap)
    return taps
