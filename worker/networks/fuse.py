"""Read two checkpoints, of a network on RGB and of one on optical flow, as one network with two streams."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from torch import Tensor, nn

from app.contract.errors import InvalidRequest
from app.contract.network import NetworkCard, StreamName, make_slug
from worker.networks.families.late_fusion import NAME, Part, to_text
from worker.networks.labels import read_labels
from worker.networks.load import configured, make_card
from worker.networks.memory import check_size
from worker.networks.recognise import MAX_CHECKPOINT_BYTES, recognise
from worker.networks.registry import Family, find_family
from worker.networks.stored_config import read_stored_config, store_with_config
from worker.networks.tap import Tap
from worker.networks.transformers_directory import read_directory
from worker.networks.weights import parse_weights, read_weights, verify_named_checksum


def read_fused(
    *,
    source: Path,
    motion: Path,
    motion_weight: float = 1.0,
    labels: Path | None = None,
    slug: str | None = None,
    title: str | None = None,
    flow_scale: float | None = None,
) -> tuple[NetworkCard, bytes]:
    """Return the card of the network that two checkpoints are together, and the bytes that `load_network` takes.

    `source` is on RGB and `motion` on optical flow. The logits are their mean, where those of `motion` count
    `motion_weight` times. `flow_scale` is that of `motion`, see worker.networks.flow_scale. A network that averages
    over frames sees one of them here, beside the flow around it.

    Raises InvalidRequest for networks that do not fit each other.
    """
    if not (math.isfinite(motion_weight) and motion_weight > 0):
        raise InvalidRequest(f"The weight of the motion stream is {motion_weight:g}: give a number above 0.")
    first, first_state = _read_part(source, 1.0)
    second, second_state = _read_part(motion, motion_weight, flow_scale)
    families = first.configured(), second.configured()
    _check_streams(source, motion, *families)
    _check_classes(*families, are_given=labels is not None)
    state = {
        f"{part.stream}.{name}": tensor
        for part, tensors in ((first, first_state), (second, second_state))
        for name, tensor in tensors.items()
    }
    data = store_with_config(state, to_text((first, second)))
    family = configured(find_family(NAME), data)
    classes = family.labels if labels is None else read_labels(labels)
    if not classes:
        raise InvalidRequest(
            f"Neither {source} nor {motion} says what its outputs mean: give a file with their names, `--labels FILE`."
        )
    check_size(family.build, len(classes), len(data))
    _check_taps(*(each.build(len(classes)) for each in families))
    slug = make_slug(f"{source.resolve().stem}-two-stream") if slug is None else slug
    return make_card(family, data, classes, slug=slug, title=title), data


def _read_part(path: Path, weight: float, flow_scale: float | None = None) -> tuple[Part, Mapping[str, Tensor]]:
    """Return a network in a checkpoint that is known by its tensors, or in a directory of the library transformers."""
    if path.is_dir():
        name, data = read_directory(path)
    else:
        content = read_weights(path, MAX_CHECKPOINT_BYTES)
        verify_named_checksum(content, path)
        name, data = recognise(content, path, flow_scale=flow_scale)
    config = read_stored_config(data)
    family = find_family(name)
    if config is None:
        raise InvalidRequest(f"{path} is of the family {family.title}, whose networks cannot be fused yet.")
    if family.take_one_frame is not None:
        config = family.take_one_frame(config)
    state = {each: tensor for each, tensor in parse_weights(data).items() if isinstance(tensor, Tensor)}
    part = Part("", name, config, weight)
    return replace(part, stream=part.configured().streams[0].name.value), state


def _check_streams(source: Path, motion: Path, first: Family, second: Family) -> None:
    """Raise InvalidRequest unless the first network sees RGB alone and the second optical flow, computed as usual."""
    seen = {path: [stream.name for stream in family.streams] for path, family in ((source, first), (motion, second))}
    if StreamName.MOTION in seen[source] or len(first.streams) > 1:
        raise InvalidRequest(
            f"{source} is a network of optical flow: give that of RGB first, `networks add RGB --motion FLOW`."
        )
    if seen[motion] != [StreamName.MOTION]:
        raise InvalidRequest(f"{motion} is a network of {seen[motion][0].value}: --motion takes one of optical flow.")
    (rgb,), (flow,) = first.streams, second.streams
    if (rgb.height, rgb.width) != (flow.height, flow.width):
        raise InvalidRequest(
            f"{source} takes {rgb.height} x {rgb.width} px and {motion} {flow.height} x {flow.width}: both must see "
            "the same part of a video."
        )
    if second.flow is not find_family(NAME).flow:
        raise InvalidRequest(f"The flow of {second.title} is computed otherwise than that of fused networks.")


def _check_classes(first: Family, second: Family, *, are_given: bool) -> None:
    """Raise InvalidRequest for networks whose outputs are known to mean different things."""
    one, other = first.labels, second.labels
    if not (first.has_classes and second.has_classes):
        raise InvalidRequest("Scores are fused, but one of the networks has no classes.")
    if one and other and len(one) != len(other):
        raise InvalidRequest(f"The two networks have {len(one)} and {len(other)} classes: fuse networks of the same.")
    if one and other and one != other and not are_given:
        index = next(index for index, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1])
        raise InvalidRequest(
            f"Output {index} is {one[index]!r} in the one network and {other[index]!r} in the other: if they mean the "
            "same, give the names with `--labels FILE`."
        )


def _check_taps(first: nn.Module, second: nn.Module) -> None:
    """Raise InvalidRequest where one network marks its layers and the other does not: the other's would be lost."""
    if len({any(isinstance(part, Tap) for part in module.modules()) for module in (first, second)}) > 1:
        raise InvalidRequest(
            "One of the networks marks its layers with taps and the other does not: they cannot be fused."
        )
