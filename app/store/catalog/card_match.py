"""Applies the explorer's filters by layer, stream, class and words to the card, without reading units."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.analysis.vocabulary import MAX_UNIT_DIGITS, QueryWord, parse_words
from app.contract.network import Layer, NetworkCard
from app.contract.unit_query import UnitQuery

MatchedUnits = dict[int, frozenset[int] | None]  # by layer index: the units, None for all of the layer
DetectingLayers = Mapping[frozenset[int], list[int]]  # by classes: layers whose units match if they detect one of these


@dataclass(frozen=True)
class CardMatch:
    """What the filters by layer, stream, class and words select."""

    units: MatchedUnits
    detecting: DetectingLayers  # layers whose units are selected too, if they detect one of the classes
    unknown_words: tuple[str, ...]  # words of the search that name nothing of this network

    @property
    def partial_layers(self) -> MatchedUnits:
        """Return the units of those layers that are not selected as a whole."""
        return {index: units for index, units in self.units.items() if units is not None}

    def count(self, card: NetworkCard) -> int:
        """Return how many units are selected, without those that detect a class."""
        return sum(card.layer_at(index).units if units is None else len(units) for index, units in self.units.items())


def match_card(card: NetworkCard, query: UnitQuery) -> CardMatch:
    """Match the filters by layer, stream, class and words. Raises UnknownLayer and UnknownClass.

    Words that name nothing are left out of the search; a search of nothing else matches nothing.
    """
    if query.layer:
        card.layer(query.layer)
    class_index = card.class_index(query.class_) if query.class_ else None
    words = parse_words(card, query.q or "")
    known = tuple(word for word in words if word.is_known)
    unknown_words = tuple(word.text for word in words if not word.is_known)
    if query.q and not known:
        return CardMatch({}, {}, unknown_words)
    units: MatchedUnits = {}
    detecting: dict[frozenset[int], list[int]] = {}
    for layer in card.layers:
        if (query.layer and layer.name != query.layer) or (query.stream and layer.stream != query.stream):
            continue
        if class_index is None:
            classes = _classes_named(layer, known)
            if classes:
                detecting.setdefault(classes, []).append(layer.index)
        elif not layer.is_class:
            continue
        selected = _units_selected(layer, known, class_index)
        if selected is None or selected:
            units[layer.index] = selected
    return CardMatch(units, detecting, unknown_words)


def _classes_named(layer: Layer, words: Sequence[QueryWord]) -> frozenset[int]:
    """Return the classes that all words name, without words that are part of the layer's name."""
    classes = [word.classes for word in words if word.text not in layer.name.lower()]
    return frozenset.intersection(*classes) if classes else frozenset()


def _units_selected(layer: Layer, words: Sequence[QueryWord], class_index: int | None) -> frozenset[int] | None:
    """Return the units of a layer that all words and the class name, None for all of the layer."""
    units = None if class_index is None else frozenset({class_index})
    for word in words:
        named = _units_named(layer, word)
        if named is not None:
            units = named if units is None else units & named
    return units


def _units_named(layer: Layer, word: QueryWord) -> frozenset[int] | None:
    """Return the units of a layer that a word names, None for all of them.

    A word names units by part of the layer's name, by number, by an address such as Mixed_4f/12, or by their class.
    """
    name, slash, number = word.text.rpartition("/")
    if slash and number.isdecimal() and len(number) <= MAX_UNIT_DIGITS:
        return frozenset({int(number)} if name in layer.name.lower() and int(number) < layer.units else ())
    if word.text in layer.name.lower():
        return None
    is_unit = word.text.isdecimal() and len(word.text) <= MAX_UNIT_DIGITS and int(word.text) < layer.units
    units = frozenset({int(word.text)} if is_unit else ())
    return units | word.classes if layer.is_class else units
