"""The cards of made-up networks, like those of real families, at any size."""

import hashlib
from collections.abc import Iterator
from itertools import product

from app.contract.network import CLASS_LAYER, Extent, Layer, NetworkCard, Stream, StreamName
from app.contract.recipe import Recipe, ResolvedRecipe, Speed
from app.contract.result import MediaRole

FULL_SIZE_UNITS = 17_000  # of a network
WIDEST_LAYER_UNITS = 65_536
MIN_NETWORKS = 6  # enough for every kind of network in every state of its visualizations

VERBS = (
    *("throwing", "catching", "riding", "washing", "cutting", "folding", "opening", "painting", "pulling", "pushing"),
    *("carrying", "kicking", "lifting", "spinning", "balancing", "cleaning", "dropping", "shaking", "tying", "waving"),
)
OBJECTS = (
    *("ball", "bike", "boat", "book", "bottle", "box", "car", "chair", "cloth", "door"),
    *("flag", "guitar", "horse", "ladder", "paper", "rope", "shoe", "stick", "table", "wheel"),
)
KINETICS = tuple(f"{verb} {thing}" for verb, thing in product(VERBS, OBJECTS))  # 400
UCF = tuple(name.title().replace(" ", "") for name in KINETICS[::3])[:101]

VGG = (
    ("conv1", 2, 64, 224),
    ("conv2", 2, 128, 112),
    ("conv3", 3, 256, 56),
    ("conv4", 3, 512, 28),
    ("conv5", 3, 512, 14),
)
TOP = (("fusion.conv5", 512, 14), ("fc6", 4096, 1), ("fc7", 4096, 1))

ROLES = {
    "vgg16_two_stream": (
        *(
            MediaRole.POSTER,
            MediaRole.LOOP,
            MediaRole.APPEARANCE,
            MediaRole.FLOW,
            MediaRole.FLOW_DIRECTION,
            MediaRole.FLOW_XY,
            MediaRole.RAW,
        ),
    ),
    "i3d": (MediaRole.POSTER, MediaRole.LOOP, MediaRole.SHEET, MediaRole.RAW),
}


def make_cards(units: int) -> list[NetworkCard]:
    """Return cards: one with a very wide layer, then I3D-like ones, and every third VGG-like with two streams."""
    scale = min(1.0, units / (8 * FULL_SIZE_UNITS))
    cards = [_wide(scale)]
    while len(cards) < MIN_NETWORKS or sum(card.units for card in cards) < units:
        number = len(cards)
        cards.append(_two_stream(number, scale) if number % 3 == 0 else _clips(number, scale))
    return cards


def recipes(card: NetworkCard) -> list[ResolvedRecipe]:
    """Return the recipes of a network's results, the most usual first."""
    plain = [Recipe(speed=speed) for speed in Speed]
    other = [Recipe(speed=speed, objective="center") for speed in Speed] + [
        Recipe(speed=speed, steps=288) for speed in Speed
    ]
    seeds = [Recipe(speed=speed, seed=seed) for seed in range(1, 6) for speed in Speed]
    return [recipe.resolved(card) for recipe in (*plain, *other, *seeds)]


def _two_stream(number: int, scale: float) -> NetworkCard:
    layers = [
        (f"{stream}.{name}_{number}", stream, max(2, round(width * scale)), side)
        for stream in ("appearance", "motion")
        for name, deep, width, side in VGG
        for number in range(1, deep + 1)
    ]
    layers += [(name, "fusion", max(2, round(width * scale)), side) for name, width, side in TOP]
    streams = (
        Stream(name=StreamName.APPEARANCE, frames=1, height=224, width=224),
        Stream(name=StreamName.MOTION, frames=10, height=224, width=224, bound=0.5),
    )
    return _card(f"two-stream-{number}", "vgg16_two_stream", layers, UCF, streams, scale, 10)


def _clips(number: int, scale: float) -> NetworkCard:
    layers = [("Conv3d_1a_7x7", "clip", max(2, round(64 * scale)), 112)]
    blocks = ["3b", "3c", "4b", "4c", "4d", "4e", "4f", "5b", "5c"]
    for at, block in enumerate(blocks):
        width = round((416 + 104 * at) * scale)
        layers.append((f"Mixed_{block}", "clip", max(2, width), 28 >> (at // 3)))
        layers += [
            (f"Mixed_{block}.Branch_{branch}", "clip", max(2, width // 4), 28 >> (at // 3)) for branch in range(4)
        ]
    streams = (Stream(name=StreamName.CLIP, frames=64, height=224, width=224),)
    return _card(f"clips-{number}", "i3d", layers, KINETICS, streams, scale, 16)


def _wide(scale: float) -> NetworkCard:
    wide = max(8, round(WIDEST_LAYER_UNITS * scale))
    layers = [("stem", "clip", max(2, round(512 * scale)), 28), ("dictionary", "clip", wide, 7)]
    streams = (Stream(name=StreamName.CLIP, frames=16, height=224, width=224),)
    return _card("wide", "i3d", layers, KINETICS, streams, scale, 16)


def _card(
    slug: str,
    family: str,
    layers: list[tuple[str, str, int, int]],
    classes: tuple[str, ...],
    streams: tuple[Stream, ...],
    scale: float,
    frames: int,
) -> NetworkCard:
    classes = classes[: max(8, round(len(classes) * min(1.0, 4 * scale)))]
    top = "fusion" if len(streams) > 1 else "clip"
    return NetworkCard(
        slug=slug,
        title=slug.replace("-", " ").capitalize(),
        family=family,
        checksum=hashlib.sha256(slug.encode()).hexdigest(),
        summary=f"Made up to measure the dashboard with: {len(classes)} classes.",
        streams=streams,
        layers=tuple(
            Layer(
                index=index,
                name=name,
                stream=stream,
                units=units,
                map=Extent(frames=frames if side > 1 else 1, height=side, width=side),
                receptive_field=Extent(frames=frames, height=224 // side, width=224 // side),
            )
            for index, (name, stream, units, side) in enumerate([*layers, (CLASS_LAYER, top, len(classes), 1)])
        ),
        classes=classes,
        class_sentences=tuple(_sentences(classes)),
        parameters=12_000_000,
        stimulus=Extent(frames=frames, height=224, width=224),
    )


def _sentences(classes: tuple[str, ...]) -> Iterator[str]:
    for number, name in enumerate(classes):
        yield f"A person is {name} {('indoors', 'in a park', 'on a beach', 'before an audience')[number % 4]}."
