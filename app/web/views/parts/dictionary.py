"""Dictionaries on pages: what is known of one, those of a layer, and what one of its directions is made of."""

from dataclasses import dataclass

from app.contract.dictionary import METHOD_NAMES, DictionarySummary, ProbeMeasures
from app.contract.network import Layer, NetworkCard
from app.contract.unit import UnitSummary
from app.store import Session
from app.store.catalog import dictionaries, search
from app.store.surveys import importance
from app.store.surveys.importance import UnitImportance

MAX_IMPORTANT = 8  # directions that are listed


@dataclass(frozen=True)
class DictionaryPanel:
    """A dictionary, on the page of its layer."""

    summary: DictionarySummary
    method: str
    dataset_is_there: bool
    important: tuple[UnitImportance, ...]  # the directions that matter most, where a survey has measured it


@dataclass(frozen=True)
class ChannelOfDirection:
    """A channel near a direction, with the cosine of the angle between them."""

    unit: UnitSummary
    cosine: float


@dataclass(frozen=True)
class DirectionPanel:
    """A direction, on the page of its unit: its name, if it has one, and the channels nearest to it."""

    name: str
    base: str
    method: str
    probe: ProbeMeasures | None
    channels: tuple[ChannelOfDirection, ...]


def dictionary_panel(session: Session, *, card: NetworkCard, layer: Layer) -> DictionaryPanel | None:
    """Return the dictionary whose layer this is, None for a layer of the network itself."""
    summary = layer.dictionary and dictionaries.get_dictionary(session, card=card, layer=layer.name)
    if not summary:
        return None
    is_there = summary.dataset is not None and dictionaries.has_dataset(session, slug=summary.dataset)
    important = importance.most_important_units(session, card=card, layer=layer.name, limit=MAX_IMPORTANT)
    return DictionaryPanel(summary, METHOD_NAMES[summary.method], is_there, important)


def direction_panel(session: Session, *, card: NetworkCard, layer: Layer, unit: int) -> DirectionPanel | None:
    """Return what a direction is made of, None for a unit of the network itself."""
    if layer.dictionary is None:
        return None
    base = layer.dictionary.base
    channels = dictionaries.nearest_channels(session, card=card, layer=layer.name, direction=unit)
    units = search.units_by_name(session, card=card, names=[(base, channel) for channel, _ in channels])
    summary = dictionaries.get_dictionary(session, card=card, layer=layer.name)
    return DirectionPanel(
        name=layer.direction_name(unit),
        base=base,
        method=METHOD_NAMES[layer.dictionary.method],
        probe=summary.probe if summary else None,
        channels=tuple(ChannelOfDirection(near, cosine) for near, (_, cosine) in zip(units, channels, strict=True)),
    )


def dictionaries_of(card: NetworkCard, layer: Layer) -> tuple[Layer, ...]:
    """Return the layers of the dictionaries that read a layer."""
    return tuple(each for each in card.layers if each.dictionary is not None and each.dictionary.base == layer.name)
