"""Partners of a clip: changed clips that share with it what is static, what is dynamic, or neither.

    stream        shares what is static      shares what is dynamic          baseline of the dynamic partner
    appearance    the clip's                 of another clip (j)             of the same other clip (j)
    motion        of a third clip (k)        the clip's                      of the third clip (k)
    clip          its middle frame, repeated its frames in another look      those, in random order

A network with a motion stream and frames has their streams swapped as well as its frames changed. Frames in random
order keep what no order changes: colours, shapes, and how far things move in all.
"""

from collections.abc import Mapping
from enum import StrEnum

import torch
from torch import Tensor

from app.contract.network import NetworkCard, StreamName
from worker.evidence.looks import restyle
from worker.graph.inputs import Inputs


class Partner(StrEnum):
    """A clip that is compared with another one."""

    STATIC = "static"
    DYNAMIC = "dynamic"
    NEITHER = "neither"
    SHUFFLED = "shuffled"  # the clip in random order: the published partner that shares what is static


NO_MOTION = (
    "The network sees single frames, so nothing in it can code motion: its units are static by architecture, and no "
    "clips can show it."
)
NO_APPEARANCE = (
    "The network sees optical flow alone. How people and places look is not in flow, and what is static in it (where "
    "something moves, and its outline) cannot be changed without the motion. A data set of pairs can tell it: clips "
    "that are named as one another's partners."
)


def missing_partners(card: NetworkCard) -> str | None:
    """Return why no partners can be made for a network's clips, None where they can."""
    names = {stream.name for stream in card.streams}
    if any(stream.name is StreamName.CLIP and stream.frames > 1 for stream in card.streams):
        return None
    if StreamName.MOTION not in names:
        return NO_MOTION
    return None if StreamName.APPEARANCE in names else NO_APPEARANCE


def make_partners(clip: Inputs, other: Inputs, third: Inputs, generator: torch.Generator) -> dict[Partner, Inputs]:
    """Return the partners of a clip, (1, ...) by stream, made with two other clips.

    Without frames there is none that is shuffled: there the static partner is the published one.
    """
    partners: dict[Partner, dict[StreamName, Tensor]] = {partner: dict(clip) for partner in Partner}
    if StreamName.APPEARANCE in clip:
        _put(partners, StreamName.APPEARANCE, other, (Partner.DYNAMIC, Partner.NEITHER))
    if StreamName.MOTION in clip:
        _put(partners, StreamName.MOTION, third, (Partner.STATIC, Partner.NEITHER, Partner.SHUFFLED))
    if StreamName.CLIP not in clip:
        del partners[Partner.SHUFFLED]
        return dict(partners)
    frames = clip[StreamName.CLIP]
    count = frames.shape[2]
    order = torch.randperm(count, generator=generator).to(frames.device)
    middle = torch.full((count,), count // 2, device=frames.device)
    styled = restyle(frames, generator)
    for partner, values in (
        (Partner.STATIC, frames.index_select(2, middle)),
        (Partner.DYNAMIC, styled),
        (Partner.NEITHER, styled.index_select(2, order)),
        (Partner.SHUFFLED, frames.index_select(2, order)),
    ):
        partners[partner][StreamName.CLIP] = values
    return dict(partners)


def _put(
    partners: Mapping[Partner, dict[StreamName, Tensor]], stream: StreamName, other: Inputs, to: tuple[Partner, ...]
) -> None:
    for partner in to:
        partners[partner][stream] = other[stream]
