"""Checkpoints of MMAction2: TSN, TSM, C2D, I3D, SlowOnly, SlowFast and R(2+1)D with residual backbones.

A network is known by the names of its tensors, `backbone.` and `cls_head.`. Their shapes give its convolutions; what
they do not give (strides, segments, scaling) is in the config that the checkpoint carries, or is assumed and said.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor, nn

from app.contract.errors import InvalidRequest
from app.contract.network import Extent, Stream, StreamName
from worker.networks.families.mmaction_config import (
    ARCHITECTURES,
    Architecture,
    Facts,
    find_epsilon,
    find_facts,
    find_frames,
    find_interval,
    find_labels,
    find_pathway,
    find_pixels,
    find_sampling,
    find_shift_div,
    find_size,
)
from worker.networks.families.residual import Plan, build
from worker.networks.families.residual_config import Description, from_json, to_json
from worker.networks.families.two_stream import MOTION_BOUND
from worker.networks.labels import KINETICS_400, read_labels
from worker.networks.registry import Family, Recognised, find_family, register
from worker.video.flow import TVL1

NAME = "mmaction"
TITLES = ", ".join(ARCHITECTURES)
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


def recognise(state: Mapping[str, Tensor], content: Mapping[str, object]) -> Recognised | None:
    """Return the network in a checkpoint of the library; None for another library's.

    Raises InvalidRequest for networks of the library that are not opened, and for configs that cannot be right.
    """
    if not any(name.startswith("backbone.") for name in state):
        return None
    if not any(name.startswith(("cls_head.", "roi_head.")) for name in state):
        return None
    facts = find_facts(content)
    tensors, shifted = _rename(state)
    strange = [name for name in tensors if not TENSOR.fullmatch(name)]
    if strange or not {"fc_cls.weight", "fc_cls.bias"} <= tensors.keys() or len(_find_stages(tensors)) == 0:
        raise _not_opened(state, facts)
    architecture = _find_architecture(tensors, facts, has_shift=bool(shifted))
    is_slowfast = architecture.name == "SlowFast"
    if is_slowfast != ("slow.conv1.conv.weight" in tensors) or not _has_stem(tensors, is_slowfast=is_slowfast):
        raise _not_opened(state, facts)
    description, is_bgr = _describe(tensors, shifted, facts, architecture, content)
    if is_bgr:
        for name in ("conv1.conv.weight", "conv1.spatial.conv.weight", "slow.conv1.conv.weight", "fast.conv1.conv.weight"):
            if name in tensors:
                tensors[name] = tensors[name].flip(1)
    return Recognised(to_json(description), tensors)


def _rename(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], frozenset[str]]:
    """Return the tensors under the module's names, and which convolutions and blocks take shifted frames."""
    tensors: dict[str, Tensor] = {}
    shifted = set()
    for name, tensor in state.items():
        own = name.removeprefix("backbone.").removeprefix("cls_head.") if not name.startswith("neck.") else name
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
        if f"{convolution}.temporal.conv.weight" in tensors:
            tensors[f"{convolution}.temporal.bn.{part}"] = tensors.pop(name)
    return tensors, frozenset(shifted)


def _find_stages(tensors: Mapping[str, Tensor]) -> list[int]:
    """Return the numbers of the stages; none where they are not 1, 2, ... with blocks 0, 1, ... each."""
    found = {(int(match[1]), int(match[2])) for name in tensors if (match := re.search(r"\blayer(\d)\.(\d+)\.", name))}
    stages = sorted({stage for stage, _ in found})
    blocks = {stage: sorted(block for each, block in found if each == stage) for stage in stages}
    is_whole = all(numbers == list(range(len(numbers))) for numbers in blocks.values())
    return stages if is_whole and stages == list(range(1, len(stages) + 1)) else []


def _has_stem(tensors: Mapping[str, Tensor], *, is_slowfast: bool) -> bool:
    stems = ("slow.conv1", "fast.conv1") if is_slowfast else ("conv1",)
    return all({f"{stem}.conv.weight", f"{stem}.spatial.conv.weight"} & tensors.keys() for stem in stems)


def _find_architecture(tensors: Mapping[str, Tensor], facts: Facts, *, has_shift: bool) -> Architecture:
    """Return the architecture that the config names, if the tensors can be of it, or that the tensors suggest."""
    stem = tensors.get("conv1.conv.weight")
    if "slow.conv1.conv.weight" in tensors:
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


def _describe(
    tensors: Mapping[str, Tensor],
    shifted: frozenset[str],
    facts: Facts,
    architecture: Architecture,
    content: Mapping[str, object],
) -> tuple[Description, bool]:
    """Return what is stored of a network beside its tensors, and whether it takes blue before red."""
    suffix = ".conv.weight"
    shapes = {name.removesuffix(suffix): tuple(t.shape) for name, t in tensors.items() if name.endswith(suffix)}
    stages = len(_find_stages(tensors))
    pathways = {"": find_pathway(facts, architecture, stages)}
    sampling = (1, 1)
    if architecture.name == "SlowFast":
        lateral = next((shape[2] for name, shape in shapes.items() if name.endswith("_lateral")), 5)
        sampling = find_sampling(facts, lateral)
        own = {name: facts.backbone.get(f"{name}_pathway") for name in ("slow", "fast")}
        pathways = {
            name: find_pathway(facts, architecture, stages, config if isinstance(config, Mapping) else {})
            for name, config in own.items()
        }
    channels = next(shapes[name][1] for name in ("conv1", "conv1.spatial", "fast.conv1") if name in shapes)
    sees_frames_alone = all(len(shape) == 4 for shape in shapes.values())
    frames = find_frames(facts, architecture, sees_frames_alone=sees_frames_alone)
    stream = StreamName.CLIP if channels == 3 else StreamName.MOTION
    has_frames = not (sees_frames_alone and stream is StreamName.MOTION)
    _check_channels(channels, sees_frames_alone=sees_frames_alone, has_shift=bool(shifted))
    mean, deviation, is_bgr = find_pixels(facts, channels)
    height, width, short_side = find_size(facts)
    plan = Plan(
        stream=stream,
        shapes=shapes,
        pathways=pathways,
        mean=mean[::-1] if is_bgr else mean,
        deviation=deviation[::-1] if is_bgr else deviation,
        without_norm=frozenset(name for name in shapes if f"{name}.bn.weight" not in tensors),
        epsilon=find_epsilon(facts, architecture),
        shifted=shifted,
        shift_div=find_shift_div(facts) if shifted else 1,
        sampling=sampling,
        has_frames=has_frames,
    )
    description = Description(
        title=architecture.name,
        frames=frames if has_frames else channels // 2,
        height=height,
        width=width,
        short_side=short_side,
        labels=_choose_labels(content, len(tensors["fc_cls.bias"])),
        summary="",
        plan=plan,
        bound=MOTION_BOUND if stream is StreamName.MOTION else 1.0,
    )
    return replace(description, summary=_summarise(description, facts, sees_frames_alone=sees_frames_alone)), is_bgr


def _check_channels(channels: int, *, sees_frames_alone: bool, has_shift: bool) -> None:
    """Raise InvalidRequest for inputs that no stream here has."""
    if channels == 3 or (channels == 2 and not sees_frames_alone):
        return
    if channels % 2 or not sees_frames_alone:
        raise InvalidRequest(
            f"The first convolution takes {channels} channels, which is neither RGB nor flow (2 for each field): such "
            "networks, of differences of frames perhaps, are not opened."
        )
    if has_shift:
        raise InvalidRequest(
            "This is a TSM of flow, which takes flow at several moments of a video; a motion stream has one moment. "
            "Such networks are not opened."
        )


def _choose_labels(content: Mapping[str, object], classes: int) -> tuple[str, ...]:
    """Return the names in the checkpoint, those of Kinetics-400 for as many classes, or none."""
    labels = find_labels(content)
    if len(labels) == classes:
        return labels
    return read_labels(KINETICS_400) if classes == 400 else ()


def _summarise(description: Description, facts: Facts, *, sees_frames_alone: bool) -> str:
    """Return in words what the network takes, and what of it had to be assumed."""
    plan, size = description.plan, f"{description.height} x {description.width} px"
    sentences = []
    if plan.stream is StreamName.MOTION:
        sentences.append(f"{description.title} of MMAction2 on {description.frames} flow fields of {size}.")
        scaling = f"mean {_shortest(plan.mean)}, deviation {_shortest(plan.deviation)}"
        sentences.append(f"Flow as bytes, 0 to 255 for -20 to 20 px and 128 for none; {scaling}.")
    elif sees_frames_alone:
        sentences.append(f"{description.title} of MMAction2 on {description.frames} segments of one frame, {size}.")
        sentences.append("The segments are frames in a row here; in training they lie apart.")
    else:
        sentences.append(f"{description.title} of MMAction2 on {description.frames} frames of {size}.")
    interval = find_interval(facts)
    if interval > 1 and not sees_frames_alone:
        sentences.append(f"It was trained on one of every {interval} frames; videos are read at 25 frames a second here.")
    if facts.assumed:
        why = "The file has no config" if facts.config is None else "The config does not tell all"
        sentences.append(f"{why}; assumed: {', '.join(facts.assumed)}.")
    return " ".join(sentences)


def _shortest(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" for value in dict.fromkeys(values))


def _not_opened(state: Mapping[str, Tensor], facts: Facts) -> InvalidRequest:
    names = list(state)
    reason = next((why for part, why in OTHERS.items() if any(re.search(part, name) for name in names)), None)
    known = [name for name in names if TENSOR.fullmatch(name.removeprefix("backbone."))]
    strange = [name for name in names if name not in known and not name.startswith("cls_head.fc_cls.")] or names
    found = ", ".join(f"{name} {tuple(state[name].shape)}" for name in strange[:MAX_LISTED])
    backbone = f", the backbone {facts.backbone_name} in its config" if facts.backbone_name else ""
    because = "its backbone or head is of no kind that is built here" if reason is None else reason
    return InvalidRequest(
        f"This checkpoint of MMAction2 is not opened: {because} (found: {found}{backbone}). Opened are {TITLES} with "
        "residual backbones and one linear head; write a family file for another (docs/networks.md)."
    )


def configure(text: str) -> Family:
    """Return the family of one network, from the config that its weights carry."""
    description = from_json(text)

    def build_network(classes: int) -> nn.Module:
        return build(description.plan, classes)

    return replace(
        find_family(NAME),
        title=description.title,
        summary=description.summary,
        build=build_network,
        streams=(description.stream,),
        stimulus=description.stimulus,
        labels=description.labels,
        short_side=description.short_side,
    )


@register(
    name=NAME,
    title=f"MMAction2 ({TITLES})",
    summary="Residual networks of MMAction2, known by the tensors of their checkpoints.",
    streams=(Stream(name=StreamName.CLIP, frames=8, height=224, width=224),),
    stimulus=Extent(frames=8, height=224, width=224),
    classes=400,
    flow=TVL1,
    configure=configure,
    recognise=recognise,
)
def refuse_without_config(classes: int) -> nn.Module:
    """Raise InvalidRequest: a network is built from what its checkpoint tells."""
    raise InvalidRequest("A network of MMAction2 is added with its checkpoint: `networks add FILE`.")
