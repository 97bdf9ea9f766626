"""Compares how units respond to two classes, in the last layer before the classes and the last of each stream."""

from array import array
from statistics import fmean, median
from typing import Any

from sqlalchemy import Select, select

from app.contract.confusion import MIN_RESPONSE, SIMILAR_RESPONSE_RATIO, LayerOfPair
from app.contract.network import Layer, NetworkCard
from app.store.catalog.networks import network_id
from app.store.catalog.survey_columns import newest_survey_key
from app.store.database.cache import LruCache
from app.store.database.packing import unpack_all
from app.store.database.session import Session, SurveyKey
from app.store.database.survey_tables import UnitEvidenceByClassRow
from app.store.database.tables import UnitRow

MAX_UNITS = 96  # compared in a layer, evenly spaced by their number
MAX_REFERENCE_CLASSES = 6  # compared with the first class too, to tell how many units are similar usually

LayerResponses = tuple[Layer, "array[float]"]  # a layer, and unit by unit the response to each class

# Responses of a finished survey never change; those of one survey with 400 classes take half a megabyte.
_responses: LruCache[tuple[SurveyKey, int], tuple[LayerResponses, ...]] = LruCache(max_size=30)


def compare_layers(
    session: Session, *, card: NetworkCard, a: int, b: int, max_units: int = MAX_UNITS
) -> tuple[LayerOfPair, ...]:
    """Return how similarly layers respond to two classes, the last layer before the classes first.

    At most `max_units` units of a layer are compared. Return nothing before the first survey.
    """
    key = newest_survey_key(session, card=card)
    if key is None:
        return ()
    layers = _responses.get_or_compute(
        (key, max_units), lambda: _read_responses(session, network_id(session, card), card, key.id, max_units)
    )
    count = len(card.classes)
    classes = [a, b, *_reference_classes(count, a, b)]
    return tuple(
        _compare(layer, list(zip(*(responses[index::count] for index in classes), strict=True)))
        for layer, responses in layers
    )


def _read_responses(
    session: Session, network_id: int, card: NetworkCard, survey_id: int, max_units: int
) -> tuple[LayerResponses, ...]:
    responses = []
    for layer in _compared_layers(card):
        # The indices are listed: for a condition on them the database would read the whole layer.
        units = range(0, layer.units, max(1, -(-layer.units // max_units)))
        rows = session.read(_select_responses(survey_id, network_id, layer.index, units)).scalars().all()
        if rows:
            responses.append((layer, unpack_all(rows)))
    return tuple(responses)


def _select_responses(survey_id: int, network_id: int, layer_index: int, units: range) -> Select[*tuple[Any, ...]]:
    return (
        select(UnitEvidenceByClassRow.responses)
        .join(UnitRow, UnitRow.id == UnitEvidenceByClassRow.unit_id)
        .where(
            UnitEvidenceByClassRow.survey_id == survey_id,
            UnitRow.network_id == network_id,
            UnitRow.layer_index == layer_index,
            UnitRow.index.in_(units),
        )
    )


def _compared_layers(card: NetworkCard) -> list[Layer]:
    hidden = [layer for layer in card.own_layers if not layer.is_class]
    last_of_streams = {layer.stream: layer for layer in hidden}
    last = hidden[-1:]
    return last + [layer for layer in last_of_streams.values() if layer not in last and layer.stream != "fusion"]


def _reference_classes(count: int, a: int, b: int) -> list[int]:
    others = [index for index in range(count) if index not in (a, b)]
    return others[:: max(1, -(-len(others) // MAX_REFERENCE_CLASSES))]


def _compare(layer: Layer, responses: list[tuple[float, ...]]) -> LayerOfPair:
    """Compare the responses of a layer's units, each to the two classes and then to the reference classes."""
    ratios = _ratios(responses, 1)
    reference_ratios = [some for other in range(2, len(responses[0])) if (some := _ratios(responses, other))]
    return LayerOfPair(
        layer=layer.name,
        stream=layer.stream,
        units=len(responses),
        responding=len(ratios),
        similar=_count_similar(ratios),
        usual_share=fmean(_count_similar(some) / len(some) for some in reference_ratios) if reference_ratios else None,
        median_ratio=median(ratios) if ratios else None,
    )


def _ratios(responses: list[tuple[float, ...]], other: int) -> list[float]:
    """Return smaller / larger response of the units that respond to the first class or the other one."""
    pairs = ((of_unit[0], of_unit[other]) for of_unit in responses)
    return [min(pair) / max(pair) for pair in pairs if max(pair) >= MIN_RESPONSE]


def _count_similar(ratios: list[float]) -> int:
    return sum(ratio >= SIMILAR_RESPONSE_RATIO for ratio in ratios)
