"""Checkpoints of MMAction2: TSN, TSM, C2D, I3D, SlowOnly, SlowFast and R(2+1)D with residual backbones.

A network is known by the names of its tensors, `backbone.` and `cls_head.`. Their shapes give its convolutions; what
they do not give (strides, segments, scaling) is in the config that the checkpoint carries, or is assumed and said.
"""

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor, nn

from app.contract.errors import InvalidRequest
from app.contract.network import Extent, Stream, StreamName
from worker.networks.families.mmaction_config import (
    ARCHITECTURES,
    Facts,
    find_epsilon,
    find_facts,
    find_flow_scale,
    find_frames,
    find_interval,
    find_labels,
    find_pathway,
    find_pixels,
    find_sampling,
    find_shift_div,
    find_size,
)
from worker.networks.families.mmaction_names import (
    count_blocks,
    find_architecture,
    is_complete,
    name_depth,
    not_opened,
    rename_tensors,
)
from worker.networks.families.residual import Plan, build
from worker.networks.families.residual_config import Description, from_json, to_json
from worker.networks.families.two_stream import MOTION_BOUND
from worker.networks.labels import kinetics_labels
from worker.networks.registry import Family, Recognised, find_family, register
from worker.video.flow import FLOW_UNIT_PX, TVL1

NAME = "mmaction"
TITLES = ", ".join(ARCHITECTURES)
STEMS = tuple(f"{name}.conv.weight" for name in ("conv1", "conv1.spatial", "slow.conv1", "fast.conv1"))


def recognise(state: Mapping[str, Tensor], content: Mapping[str, object]) -> Recognised | None:
    """Return the network in a checkpoint of the library; None for another library's.

    Raises InvalidRequest for networks of the library that are not opened, and for configs that cannot be right.
    """
    if not any(name.startswith("backbone.") for name in state):
        return None
    if not any(name.startswith(("cls_head.", "roi_head.")) for name in state):
        return None
    facts = find_facts(content)
    tensors, shifted = rename_tensors(state)
    if not is_complete(tensors):
        raise not_opened(state, facts)
    description, is_bgr = _describe(tensors, shifted, facts, content)
    for name in STEMS if is_bgr else ():
        if name in tensors:
            tensors[name] = tensors[name].flip(1)
    return Recognised(to_json(description), tensors)


def _describe(
    tensors: Mapping[str, Tensor],
    shifted: frozenset[str],
    facts: Facts,
    content: Mapping[str, object],
) -> tuple[Description, bool]:
    """Return what is stored of a network beside its tensors, and whether it takes blue before red."""
    architecture = find_architecture(tensors, facts, has_shift=bool(shifted))
    suffix = ".conv.weight"
    shapes = {name.removesuffix(suffix): tuple(t.shape) for name, t in tensors.items() if name.endswith(suffix)}
    stages = len(count_blocks(tensors))
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
    stream = StreamName.CLIP if channels == 3 else StreamName.MOTION
    has_frames = not (sees_frames_alone and stream is StreamName.MOTION)
    _check_channels(channels, sees_frames_alone=sees_frames_alone, has_shift=bool(shifted))
    frames = channels // 2  # of flow, which is seen as one
    if has_frames:
        frames = find_frames(facts, architecture, sees_frames_alone=sees_frames_alone)
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
        title=f"{architecture.name}{name_depth(tensors)}",
        frames=frames,
        height=height,
        width=width,
        short_side=short_side,
        labels=_choose_labels(content, len(tensors["fc_cls.bias"])),
        plan=plan,
        bound=MOTION_BOUND if stream is StreamName.MOTION else 1.0,
        is_segmented=sees_frames_alone and architecture.name != "C2D",
        interval=find_interval(facts),
        has_config=facts.config is not None,
        assumed=tuple(facts.assumed),
        flow_scale=find_flow_scale(facts, channels) if stream is StreamName.MOTION else None,
    )
    return description, is_bgr


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
    return labels if len(labels) == classes else kinetics_labels(classes)


def summarise(description: Description) -> str:
    """Return in words what a network takes, and what of it had to be assumed."""
    plan, frames, size = description.plan, description.frames, f"{description.height} x {description.width} px"
    name, sentences = f"MMAction2's {description.title}", []
    if plan.stream is StreamName.MOTION:
        sentences.append(f"{name} on {frames} flow fields of {size}.")
        scaling = f"mean {_shortest(plan.mean)}, deviation {_shortest(plan.deviation)}"
        bound = f"{127.5 / (plan.bytes_per_unit / FLOW_UNIT_PX):g} px"
        sentences.append(f"Flow as bytes, 0 to 255 for -{bound} to {bound}; {scaling}.")
    elif plan.stream is StreamName.APPEARANCE:
        sentences.append(f"{name} on one frame of {size}; in training its scores are the mean over several.")
    elif frames == 1:
        sentences.append(f"{name} on one frame of {size}.")
    elif description.is_segmented:
        sentences.append(f"{name} on {frames} segments of one frame, {size}.")
        sentences.append("The segments are frames in a row here; in training they lie apart.")
    else:
        sentences.append(f"{name} on {frames} frames of {size}.")
    if description.interval > 1 and not description.is_segmented:
        sentences.append(
            f"It was trained on one of every {description.interval} frames; videos are read at 25 frames a second here."
        )
    if description.assumed:
        why = "The config does not tell all" if description.has_config else "The file has no config"
        sentences.append(f"{why}; assumed: {', '.join(description.assumed)}.")
    return " ".join(sentences)


def _shortest(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" for value in dict.fromkeys(values))


def configure(text: str) -> Family:
    """Return the family of one network, from the config that its weights carry."""
    description = from_json(text)

    def build_network(classes: int) -> nn.Module:
        return build(description.plan, classes)

    return replace(
        find_family(NAME),
        title=description.title,
        summary=summarise(description),
        build=build_network,
        streams=(description.stream,),
        stimulus=description.stimulus,
        labels=description.labels,
        short_side=description.short_side,
    )


def take_one_frame(text: str) -> str:
    """Return the config of a TSN of RGB for a single frame; any other config as it is."""
    description = from_json(text)
    plan = description.plan
    if plan.stream is not StreamName.CLIP or not description.is_segmented or plan.shifted:
        return text
    single = replace(plan, stream=StreamName.APPEARANCE, has_frames=False)
    assumed = tuple(each for each in description.assumed if not each.endswith(" segments"))
    return to_json(replace(description, plan=single, frames=1, assumed=assumed))


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
    take_one_frame=take_one_frame,
)
def refuse_without_config(classes: int) -> nn.Module:
    """Raise InvalidRequest: a network is built from what its checkpoint tells."""
    raise InvalidRequest("A network of MMAction2 is added with its checkpoint: `networks add FILE`.")
