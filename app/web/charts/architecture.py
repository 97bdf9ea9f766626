"""The architecture of a network as a drawing: a column for each stream, in it a block for each layer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2

from app.contract.network import LayerSummary, NetworkCard, Stream
from app.contract.unit import UnitThumbnail

MIN_FACE, MAX_FACE = 8, 34  # px: the side of a face, at the least and for the widest map
DEPTH_PER_DOUBLING = 1.8  # px of depth for each doubling of the number of units


@dataclass(frozen=True)
class LayerBlock:
    """A layer as a block: the width of its face stands for the width of its map, its depth for the number of units."""

    summary: LayerSummary
    thumbnails: tuple[UnitThumbnail, ...]
    face: float
    depth: float


@dataclass(frozen=True)
class StreamColumn:
    """The layers of a stream, the deepest first, and the inputs of the stream, which are drawn below them."""

    stream: str
    layers: tuple[LayerBlock, ...]
    inputs: tuple[Stream, ...]  # empty for the layers after the fusion


def stream_columns(
    card: NetworkCard, layers: Sequence[LayerSummary], thumbnails: Mapping[str, Sequence[UnitThumbnail]]
) -> list[StreamColumn]:
    """Return one column for each stream: first that of the last layer, where the other streams meet, then the others.

    `thumbnails` are units with pictures, by the name of the layer.
    """
    last_stream = layers[-1].layer.stream
    streams = dict.fromkeys([last_stream, *(summary.layer.stream for summary in layers)])
    widest = max(summary.layer.map.width for summary in layers)

    def block(summary: LayerSummary) -> LayerBlock:
        layer = summary.layer
        return LayerBlock(
            summary=summary,
            thumbnails=tuple(thumbnails.get(layer.name, ())),
            face=round(MIN_FACE + (MAX_FACE - MIN_FACE) * layer.map.width / widest, 1),
            depth=round(DEPTH_PER_DOUBLING * log2(layer.units + 1), 1),
        )

    return [
        StreamColumn(
            stream=stream,
            layers=tuple(block(summary) for summary in reversed(layers) if summary.layer.stream == stream),
            inputs=tuple(each for each in card.streams if each.name == stream),
        )
        for stream in streams
    ]
