"""Tiny networks of PyTorchVideo with random weights, saved as its hub and the SlowFast repository save theirs."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from app.contract.network import StreamName
from benchmarks.architectures.case import Case, Inputs, SavedNetwork
from worker.networks.pytorchvideo.building import import_models

LABELS = ("hop", "skip", "jump")
MEAN, STD = 0.45, 0.225  # of pixels in [0, 1]
ALPHA = 4  # frames of SlowFast's fast pathway for each of its slow one


def slow() -> Any:
    """Build Slow R50, eight times as narrow as the released one."""
    sizes = {"stem_conv_kernel_size": (1, 7, 7), "head_pool_kernel_size": (8, 2, 2)}
    return import_models("resnet").create_resnet(stem_dim_out=8, model_num_class=3, **sizes)


def c2d() -> Any:
    """Build C2D R50, which pools over time after its first stage."""
    sizes = {"stem_conv_kernel_size": (1, 7, 7), "head_pool_kernel_size": (4, 2, 2)}
    kernels = {"stage_conv_a_kernel_size": ((1, 1, 1),) * 4, "stage1_pool": nn.MaxPool3d}
    return import_models("resnet").create_resnet(stem_dim_out=8, model_num_class=3, **sizes, **kernels)


def i3d() -> Any:
    """Build I3D R50, in which every other block of the later stages has a kernel over time."""
    mixed = [(3, 1, 1), (1, 1, 1)]
    sizes = {"stem_conv_kernel_size": (5, 7, 7), "head_pool_kernel_size": (4, 2, 2)}
    kernels = {"stage_conv_a_kernel_size": ((3, 1, 1), mixed, mixed, mixed[::-1]), "stage1_pool": nn.MaxPool3d}
    return import_models("resnet").create_resnet(stem_dim_out=8, model_num_class=3, **sizes, **kernels)


def csn() -> Any:
    """Build CSN R50, whose convolutions over time and space are depthwise."""
    sizes = {"stem_pool": nn.MaxPool3d, "head_pool_kernel_size": (1, 2, 2)}
    return import_models("csn").create_csn(stem_dim_out=8, model_num_class=3, **sizes)


def r2plus1d() -> Any:
    """Build R(2+1)D R50; its logits are what the library gives without the softmax."""
    sizes = {"head_activation": None, "head_pool_kernel_size": (2, 2, 2)}
    return import_models("r2plus1d").create_r2plus1d(stem_dim_out=8, model_num_class=3, **sizes)


def slowfast(frames: int = 32, side: int = 7) -> Any:
    """Build SlowFast with one block a stage, eight times as narrow as R50."""
    sizes = {"stem_dim_outs": (8, 1), "head_pool_kernel_sizes": ((frames // ALPHA, side, side), (frames, side, side))}
    return import_models("slowfast").create_slowfast(model_depth=18, model_num_class=3, **sizes)


def x3d(side: int = 160) -> Any:
    """Build X3D, half as deep and a third as wide as X3D-XS; its logits are what it gives without the softmax."""
    sizes = {"input_clip_length": 4, "input_crop_size": side, "width_factor": 2 / 3, "depth_factor": 0.5}
    return import_models("x3d").create_x3d(**sizes, head_dim_out=32, model_num_class=3, head_activation=None)


def mvit() -> Any:
    """Build MViT of four blocks, of which two pool their queries."""
    growth = {"embed_dim_mul": [[1, 2.0], [3, 2.0]], "atten_head_mul": [[1, 2.0], [3, 2.0]]}
    pools = {"pool_q_stride_size": [[1, 1, 2, 2], [3, 1, 2, 2]], "pool_kv_stride_adaptive": [1, 8, 8]}
    sizes = {"spatial_size": 64, "temporal_size": 4, "depth": 4, "patch_embed_dim": 16, "pool_kvq_kernel": [3, 3, 3]}
    return import_models("vision_transformers").create_multiscale_vision_transformers(
        **sizes, **growth, **pools, head_num_classes=3
    )


def seeded(build: Callable[[], Any], shape: tuple[int, int, int]) -> Any:
    """Return a network with random weights, and the statistics of random clips of this shape."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = build().train()
        has_norms = any(isinstance(part, nn.BatchNorm3d) for part in model.modules())
        for part in model.modules():
            if isinstance(part, nn.BatchNorm3d):
                part.momentum = None  # the statistics of all that runs through it
                nn.init.uniform_(part.weight, 0.5, 1.5)
            elif isinstance(part, nn.Linear):
                nn.init.normal_(part.weight, std=0.02 if has_norms else 0.2)
        library_logits(model, {StreamName.CLIP: torch.rand(4, 3, *shape) * 2 - 1})
    return model.eval()


def config_text(architecture: str, frames: int, side: int, **changes: Any) -> str:
    """Return the config, in YAML, that the SlowFast repository saves beside the tensors of a network."""
    data = {"NUM_FRAMES": frames, "SAMPLING_RATE": 2, "TRAIN_CROP_SIZE": side, "TEST_CROP_SIZE": side}
    config = {
        "DATA": data | {"MEAN": [MEAN] * 3, "STD": [STD] * 3},
        "MODEL": {"ARCH": architecture, "NUM_CLASSES": 3},
        "SLOWFAST": {"ALPHA": ALPHA, "BETA_INV": 8, "FUSION_CONV_CHANNEL_RATIO": 2, "FUSION_KERNEL_SZ": 7},
    }
    return json.dumps(config | changes)  # JSON is YAML


def save(model: nn.Module, path: Path, config: str | None = None) -> Path:
    """Save a network as PyTorchVideo's hub has it or, with a config, as a training of the SlowFast repository."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if config is None:
        torch.save({"model_state": model.state_dict()}, path)
    else:
        state = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
        torch.save({"epoch": 3, "model_state": state, "optimizer_state": {}, "cfg": config}, path)
    return path


def slowfast_names(model: Any) -> dict[str, Tensor]:
    """Return the state of a SlowFast or X3D of the library as the SlowFast repository names it, part by part."""
    state: dict[str, Tensor] = {}
    for name, part in _slowfast_parts(model):
        state |= {f"{name}.{tensor_name}": tensor for tensor_name, tensor in part.state_dict().items()}
    return state


def _slowfast_parts(model: Any) -> Iterator[tuple[str, nn.Module]]:
    for number, block in enumerate(model.blocks, 1):
        pathways = getattr(block, "multipathway_blocks", [block])
        for pathway, part in enumerate(pathways):
            if number == 1:
                yield from _stem_parts(f"s1.pathway{pathway}_stem", part)
            for index, residual in enumerate(getattr(part, "res_blocks", ())):
                yield from _residual_parts(f"s{number}.pathway{pathway}_res{index}", residual)
        fusion: Any = getattr(block, "multipathway_fusion", None)
        if hasattr(fusion, "conv_fast_to_slow"):
            yield f"s{number}_fuse.conv_f2s", fusion.conv_fast_to_slow
            yield f"s{number}_fuse.bn", fusion.norm
    head = model.blocks[-1]
    if hasattr(head.pool, "pre_conv"):
        yield "head.conv_5", head.pool.pre_conv
        yield "head.conv_5_bn", head.pool.pre_norm
        yield "head.lin_5", head.pool.post_conv
    yield "head.projection", head.proj


def _stem_parts(name: str, stem: Any) -> Iterator[tuple[str, nn.Module]]:
    if hasattr(stem.conv, "conv_xy"):  # X3D: first over height and width (the library calls it conv_t), then over time
        yield f"{name}.conv_xy", stem.conv.conv_t
        yield f"{name}.conv", stem.conv.conv_xy
    else:
        yield f"{name}.conv", stem.conv
    yield f"{name}.bn", stem.norm


def _residual_parts(name: str, block: Any) -> Iterator[tuple[str, nn.Module]]:
    if block.branch1_conv is not None:
        yield f"{name}.branch1", block.branch1_conv
        if block.branch1_norm is not None:
            yield f"{name}.branch1_bn", block.branch1_norm
    branch = block.branch2
    for letter in "abc":
        yield f"{name}.branch2.{letter}", getattr(branch, f"conv_{letter}")
        norm: Any = getattr(branch, f"norm_{letter}")
        if isinstance(norm, nn.Sequential):  # normalisation, then squeeze and excitation or nothing
            excitation: Any = norm[1]
            norm = norm[0]
            if not isinstance(excitation, nn.Identity):
                yield f"{name}.branch2.se.fc1", excitation.block[0]
                yield f"{name}.branch2.se.fc2", excitation.block[2]
        yield f"{name}.branch2.{letter}_bn", norm


def normalise_shortcuts(model: Any) -> Any:
    """Give every shortcut of an X3D a batch normalisation, as the SlowFast repository does and the library does not."""
    for block in model.modules():
        if getattr(block, "branch1_conv", None) is not None and block.branch1_norm is None:
            block.branch1_norm = nn.BatchNorm3d(block.branch1_conv.out_channels)
    return model


def library_logits(model: Any, inputs: Inputs) -> Tensor:
    """Return the library's own logits: pixels are normalised, and SlowFast's slow pathway gets its frames."""
    pixels = ((inputs[StreamName.CLIP] + 1) / 2 - MEAN) / STD
    clips: Any = pixels
    if hasattr(model.blocks[0], "multipathway_blocks"):
        frames = pixels.shape[2]
        evenly = torch.linspace(0, frames - 1, frames // ALPHA).long()
        clips = [pixels.index_select(2, evenly), pixels]
    with torch.no_grad():
        return model(clips)  # type: ignore[no-any-return]


def save_case(
    build: Callable[[], Any],
    shape: tuple[int, int, int],
    folder: Path,
    *,
    config: str | None = None,
    family: str | None = None,
    convert: Callable[[Any], Mapping[str, Tensor]] | None = None,
) -> SavedNetwork:
    """Save a network of the library in a folder, and return what is tried of it."""
    model = seeded(build, shape)
    path = save(model, folder / "network.pyth", config)
    if convert is not None:
        torch.save({"epoch": 3, "model_state": dict(convert(model)), "optimizer_state": {}, "cfg": config}, path)
    labels = folder / "labels.txt"
    labels.write_text("\n".join(LABELS))
    return SavedNetwork(path, partial(library_logits, model), labels, family)


SMALL = (8, 64, 64)  # frames, height, width


def _case(
    name: str, build: Callable[[], Any], middle: str, shape: tuple[int, int, int] = SMALL, **options: Any
) -> Case:
    return Case(name, "pytorchvideo", partial(save_case, build, shape, **options), middle)


CASES = (
    _case("Slow R50", slow, "res3.1", config=config_text("slow", 8, 64)),
    _case("C2D R50", c2d, "res3.1", config=config_text("c2d", 8, 64)),
    _case("I3D R50", i3d, "res3.1", config=config_text("i3d", 8, 64)),
    _case("SlowFast", partial(slowfast, 8, 2), "fused.res3", config=config_text("slowfast", 8, 64)),
    _case(
        "SlowFast repository",
        partial(slowfast, 8, 2),
        "slow.res4.0",
        config=config_text("slowfast", 8, 64),
        convert=slowfast_names,
    ),
    _case("X3D", x3d, "res4.1.conv_b", (4, 182, 182), family="pytorchvideo_x3d_xs"),
    _case("CSN R50", csn, "res3.1.conv_b", config=config_text("csn", 8, 64)),
    _case("R(2+1)D R50", r2plus1d, "res3.1", config=config_text("r2plus1d", 8, 64)),
    _case("MViT", mvit, "blocks.1", (4, 64, 64)),
)
