"""What the names of an MMAction2 checkpoint's tensors tell: its architecture, and whether it is one that is opened."""

import re
from collections.abc import Mapping

from torch import Tensor

from app.contract.errors import InvalidRequest
from worker.networks.families.mmaction_config import ARCHITECTURES, Architecture, Facts

CONVOLUTION = r"(?:slow\.|fast\.)?(?:conv1|conv1_lateral|layer\d\.\d+\.(?:conv[123]|downsample)|layer\d_lateral)"
PARTS = r"(?:conv\.weight|bn\.(?:weight|bias|running_mean|running_var|num_batches_tracked))"
TENSOR = re.compile(rf"{CONVOLUTION}(?:\.spatial|\.temporal)?\.{PARTS}|fc_cls\.(?:weight|bias)")
# Names in checkpoints and in the module, where they differ: a convolution in space and one in time, R(2+1)D's
RENAMED = (
    (re.compile(r"^(slow|fast)_path\."), r"\1."),
    (re.compile(r"\.conv\.conv_s\."), ".spatial.conv."),
    (re.compile(r"\.conv\.bn_s\."), ".spatial.bn."),
    (re.compile(r"\.conv\.conv_t\."), ".temporal.conv."),
)
# Networks of the library that are not opened, by a part of their names; the first that is found is told
OTHERS = {
    r"\b(roi_head|rpn_head|bbox_head)\.": "it detects people and what they do in a frame, and does not classify clips",
    r"^backbone\.(gcn|data_bn|stem_gcn)": "it takes skeletons, the joints of people, and no video",
    r"non_local_block\.": "it has non-local blocks, which are not built here",
    r"^neck\.": "it has a neck between backbone and head, which is not built here",
    r"\.conv2\.\d\.conv\.": "its convolutions are separated by channels (CSN), which is not built here",
    r"^backbone\.layer\d\.net\.": "it pools frames on the way (temporal_pool), which is not built here",
}
MAX_LISTED = 3  # tensors in an error message
# Blocks of each stage, and whether these have three convolutions, of the depths that have a name
DEPTHS: dict[tuple[tuple[int, ...], bool], str] = {
    ((2, 2, 2, 2), False): "18",
    ((3, 4, 6, 3), False): "34",
    ((3, 4, 6, 3), True): "50",
    ((3, 4, 23, 3), True): "101",
    ((3, 8, 36, 3), True): "152",
}


def rename_tensors(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], frozenset[str]]:
    """Return the tensors under the module's names, and which convolutions and blocks take shifted frames."""
    tensors: dict[str, Tensor] = {}
    shifted = set()
    for name, tensor in state.items():
        own = name.removeprefix("backbone.").removeprefix("cls_head.")
        for pattern, replacement in RENAMED:
            own = pattern.sub(replacement, own)
        if ".conv1.conv.net." in own:  # the shift before a convolution
            shifted.add(own.partition(".conv.net.")[0])
            own = own.replace(".conv.net.", ".conv.")
        elif match := re.match(r"(layer\d\.\d+)\.net\.", own):  # the shift before a block
            shifted.add(match[1])
            own = f"{match[1]}.{own[match.end() :]}"
        tensors[own] = tensor
    for name in [name for name in tensors if ".bn." in name or name.startswith("bn.")]:
        convolution, _, part = name.partition(".bn.")
        if f"{convolution}.temporal.conv.weight" in tensors and not convolution.endswith(".spatial"):
            tensors[f"{convolution}.temporal.bn.{part}"] = tensors.pop(name)
    return tensors, frozenset(shifted)


def count_blocks(tensors: Mapping[str, Tensor]) -> tuple[int, ...]:
    """Return the number of blocks of each stage; none where stages or blocks are missing among others."""
    found = {(int(match[1]), int(match[2])) for name in tensors if (match := re.search(r"\blayer(\d)\.(\d+)\.", name))}
    stages = sorted({stage for stage, _ in found})
    counts = tuple(sum(stage == each for each, _ in found) for stage in stages)
    whole = {(stage, block) for stage, count in enumerate(counts, 1) for block in range(count)}
    return counts if found == whole else ()


def name_depth(tensors: Mapping[str, Tensor]) -> str:
    """Return in brackets the residual network of this depth; nothing for a depth without a name."""
    has_three = any(".conv3." in name for name in tensors)
    depth = DEPTHS.get((count_blocks(tensors), has_three))
    return "" if depth is None else f" (ResNet-{depth})"


def is_complete(tensors: Mapping[str, Tensor]) -> bool:
    """Return whether all tensors are those of a residual network with a linear head, under the module's names."""
    pathways = ("slow.", "fast.") if any(name.startswith("slow.") for name in tensors) else ("",)
    has_stems = all(
        f"{pathway}conv1.conv.weight" in tensors or f"{pathway}conv1.spatial.conv.weight" in tensors
        for pathway in pathways
    )
    has_head = {"fc_cls.weight", "fc_cls.bias"} <= tensors.keys()
    return has_stems and has_head and bool(count_blocks(tensors)) and all(map(TENSOR.fullmatch, tensors))


def find_architecture(tensors: Mapping[str, Tensor], facts: Facts, *, has_shift: bool) -> Architecture:
    """Return the architecture that the config names, if the tensors can be of it, or that the tensors suggest.

    Raises InvalidRequest for a config that names another backbone.
    """
    stem = tensors.get("conv1.conv.weight")
    if any(each.startswith("slow.") for each in tensors):
        name = "SlowFast"
    elif any(".spatial." in each for each in tensors):
        name = "R(2+1)D"
    elif stem is not None and stem.ndim == 4:
        name = "TSM" if has_shift else "TSN"
    else:
        name = "SlowOnly" if stem is not None and stem.shape[2] == 1 else "I3D"
    suggested = ARCHITECTURES[name]
    kinds = {architecture.backbone: architecture for architecture in ARCHITECTURES.values()}
    if facts.backbone_name is None:
        return suggested
    if facts.backbone_name not in kinds:
        raise InvalidRequest(
            f"The config in the checkpoint names the backbone {facts.backbone_name}. Opened are {', '.join(kinds)}: "
            "write a family file for it (docs/networks.md)."
        )
    named = kinds[facts.backbone_name]
    alike = ({"TSN", "TSM", "C2D"}, {"I3D", "SlowOnly"})
    if named is suggested or any({named.name, name} <= group for group in alike):
        return suggested if {named.name, name} == {"TSN", "TSM"} else named
    raise InvalidRequest(
        f"The config in the checkpoint names the backbone {facts.backbone_name}, but the tensors are of {name}: the "
        "config is of another network."
    )


def not_opened(state: Mapping[str, Tensor], facts: Facts) -> InvalidRequest:
    """Return the error that a checkpoint is of a network that is not built here, with what was found in it."""
    names = list(state)
    reason = next((why for part, why in OTHERS.items() if any(re.search(part, name) for name in names)), None)
    known = [name for name in names if TENSOR.fullmatch(name.removeprefix("backbone."))]
    strange = [name for name in names if name not in known and not name.startswith("cls_head.fc_cls.")] or names
    found = ", ".join(f"{name} {tuple(state[name].shape)}" for name in strange[:MAX_LISTED])
    backbone = f", the backbone {facts.backbone_name} in its config" if facts.backbone_name else ""
    because = "its backbone or head is of no kind that is built here" if reason is None else reason
    return InvalidRequest(
        f"This checkpoint of MMAction2 is not opened: {because} (found: {found}{backbone}). Opened are "
        f"{', '.join(ARCHITECTURES)} with residual backbones and one linear head; write a family file for another "
        "(docs/networks.md)."
    )
