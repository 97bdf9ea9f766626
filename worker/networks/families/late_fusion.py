"""Late fusion: two networks of the same classes, one on RGB and one on optical flow, whose scores are averaged.

Each network is one of another family, as it would be added alone. See worker.networks.fuse for how two become one.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from app.contract.errors import InvalidRequest
from app.contract.network import Extent, OmittedModule, Stream, StreamName
from worker.networks.registry import Family, find_family, register
from worker.video.flow import TVL1

NAME = "late_fusion"


@dataclass(frozen=True)
class Part:
    """One of the networks: the name of its stream, which all its tensors and layers begin with, and its family."""

    stream: str
    family: str
    config: str  # what the family is configured with
    weight: float  # of its scores

    def configured(self) -> Family:
        """Return the family of this network. Raises InvalidRequest for one that takes no config."""
        family = find_family(self.family)
        if family.configure is None:
            raise InvalidRequest(f"Networks of the family {family.title} cannot be fused.")
        return family.configure(self.config)


class LateFusion(nn.Module):
    """The weighted mean of the logits of several networks, (B, classes)."""

    def __init__(self, parts: Mapping[str, nn.Module], weights: Mapping[str, float]) -> None:
        super().__init__()
        self.shares = {name: weight / sum(weights.values()) for name, weight in weights.items()}
        for name, part in parts.items():
            self.add_module(name, part)
        self.omitted = tuple(
            OmittedModule(module=f"{name}.{each.module}", reason=each.reason)
            for name, part in parts.items()
            for each in getattr(part, "omitted", ())
        )

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        scores = [share * self.get_submodule(name)(inputs) for name, share in self.shares.items()]
        return torch.stack(scores).sum(0)


def to_text(parts: tuple[Part, ...]) -> str:
    """Return the config that the stored weights of a fused network carry."""
    return json.dumps([vars(part) for part in parts], sort_keys=True)


def configure(text: str) -> Family:
    """Return the family of one fused network, from the config that its weights carry."""
    parts = {content["stream"]: Part(**content) for content in json.loads(text)}
    families = {name: part.configured() for name, part in parts.items()}

    def build(classes: int) -> nn.Module:
        modules = {name: family.build(classes) for name, family in families.items()}
        return LateFusion(modules, {name: part.weight for name, part in parts.items()})

    def rename(tensor: str) -> str:
        name, _, rest = tensor.partition(".")
        return f"{name}.{families[name].rename(rest)}"

    first, second = families.values()
    weights = " : ".join(f"{part.weight:g}" for part in parts.values())
    stimuli = [family.stimulus for family in families.values()]
    stimulus = Extent(
        frames=max(each.frames for each in stimuli), height=first.stimulus.height, width=first.stimulus.width
    )
    return replace(
        find_family(NAME),
        title=f"{first.title}, two streams" if second.title == first.title else f"{first.title} and {second.title}",
        summary=f"Two networks whose scores before the softmax are averaged, {weights}. "
        + " ".join(f"{name.capitalize()}: {family.summary}" for name, family in families.items()),
        build=build,
        streams=tuple(stream for family in families.values() for stream in family.streams),
        stimulus=stimulus,
        labels=first.labels or second.labels,
        rename=rename,
        short_side=first.short_side,
    )


@register(
    name=NAME,
    title="Late fusion",
    summary="Two networks of the same classes, on RGB and on optical flow, whose scores are averaged.",
    streams=(
        Stream(name=StreamName.APPEARANCE, frames=1, height=224, width=224),
        Stream(name=StreamName.MOTION, frames=5, height=224, width=224),
    ),
    stimulus=Extent(frames=5, height=224, width=224),
    classes=400,
    flow=TVL1,
    configure=configure,
)
def refuse_alone(classes: int) -> nn.Module:
    """Raise InvalidRequest: it is made of two checkpoints."""
    raise InvalidRequest("Late fusion is made of two checkpoints: `networks add RGB_FILE --motion FLOW_FILE`.")
