"""What the explorer's filters by layer, stream, class and words select on the card alone, without reading a unit."""

from collections.abc import Mapping
from functools import lru_cache

from app.analysis.vocabulary import QueryWord, parse_words
from app.contract.network import Layer, NetworkCard
from app.contract.unit_query import UnitQuery

MAX_DIGITS = 9  # of a unit number in a search

MatchedUnits = dict[int, frozenset[int] | None]  # by layer index: the units, None for all of the layer
DetectingLayers = Mapping[frozenset[int], list[int]]  # by classes: the indices of layers


def known_terms(card: NetworkCard, q: str | None) -> tuple[QueryWord, ...]:
    """Return the words of a search that name something of this network; the search leaves out the others."""
    return tuple(word for word in parse_words(card, q or "") if word.is_known)


def match_card(card: NetworkCard, query: UnitQuery) -> MatchedUnits:
    """Return the units that pass the filters by layer, stream, class and words.

    Raises UnknownLayer and UnknownClass.
    """
    if query.layer:
        card.layer(query.layer)
    class_index = card.class_index(query.class_) if query.class_ else None
    words = known_terms(card, query.q)
    matched: MatchedUnits = {}
    if query.q and not words:
        return matched
    for layer in card.layers:
        if (query.layer and layer.name != query.layer) or (query.stream and layer.stream != query.stream):
            continue
        if class_index is not None and not layer.is_class:
            continue
        units = None if class_index is None else frozenset({class_index})
        for word in words:
            named = _units_named(layer, word)
            if named is not None:
                units = named if units is None else units & named
        if units is None or units:
            matched[layer.index] = units
    return matched


def count_matched(card: NetworkCard, query: UnitQuery) -> int:
    """Return how many units pass the filters by layer, stream, class and words."""
    matched = match_card(card, query)
    return sum(
        layer.units if (units := matched[layer.index]) is None else len(units)
        for layer in card.layers
        if layer.index in matched
    )


def layers_detecting(card: NetworkCard, query: UnitQuery) -> DetectingLayers:
    """Return the classes that the words of a search name, with the layers whose units match if they detect one.

    A word that is part of a layer's name selects the layer, and the other words the classes.
    """
    words = () if query.class_ else known_terms(card, query.q)
    return _layers_detecting(card, words, query.layer, query.stream) if words else {}


@lru_cache(maxsize=256)  # a page asks a dozen times
def _layers_detecting(
    card: NetworkCard, words: tuple[QueryWord, ...], only_layer: str | None, stream: str | None
) -> DetectingLayers:
    found: dict[frozenset[int], list[int]] = {}
    for layer in card.layers:
        if (only_layer and layer.name != only_layer) or (stream and layer.stream != stream):
            continue
        classes = [word.classes for word in words if word.text not in layer.name.lower()]
        if classes and (common := frozenset.intersection(*classes)):
            found.setdefault(common, []).append(layer.index)
    return found


def _units_named(layer: Layer, word: QueryWord) -> frozenset[int] | None:
    """Return the units of a layer that a word names, None for all of them.

    A word names units by part of the layer's name, by number, by an address such as Mixed_4f/12, or by their class.
    """
    name, slash, number = word.text.rpartition("/")
    if slash and number.isdecimal() and len(number) <= MAX_DIGITS:
        return frozenset({int(number)} if name in layer.name.lower() and int(number) < layer.units else ())
    if word.text in layer.name.lower():
        return None
    is_unit = word.text.isdecimal() and len(word.text) <= MAX_DIGITS and int(word.text) < layer.units
    units = frozenset({int(word.text)} if is_unit else ())
    return units | word.classes if layer.is_class else units
