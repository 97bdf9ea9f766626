"""Reads the units that detect a class best, and how units respond to one class or to two."""

from typing import Any

from sqlalchemy import Integer, LargeBinary, Select, String, cast, func, literal, select, union
from sqlalchemy.orm import aliased

from app.contract.confusion import Pair, SharedUnit, UnitOfPair
from app.contract.evidence import UnitOfClass
from app.contract.network import NetworkCard
from app.store.catalog.networks import network_id
from app.store.catalog.survey_columns import newest_survey_id
from app.store.catalog.thumbnails import aggregate_first
from app.store.catalog.units import select_unit_records, summaries_by_id, unit_summaries
from app.store.database.packing import unpack
from app.store.database.session import Session
from app.store.database.survey_tables import IS_GENERIC, UnitClassRow, UnitEvidenceByClassRow
from app.store.database.tables import UnitCountRow, UnitRow
from app.store.surveys.confusions import compare_layers

MAX_CANDIDATES = 120  # best detectors of each class of a pair that are compared: all units would take seconds
FLOAT_BYTES = 4  # of a number in a packed list


def best_units_by_layer(
    session: Session, *, card: NetworkCard, class_index: int, limit: int
) -> dict[str, list[UnitOfClass]]:
    """Return the units that detect a class best, at most `limit` of each layer."""
    survey_id = newest_survey_id(session, card=card)
    of_class = aliased(UnitClassRow)
    word = (
        cast(of_class.unit_id, String) + "," + cast(of_class.precision, String) + "," + cast(of_class.response, String)
    )
    best = (
        select(word)
        .where(
            of_class.survey_id == survey_id,
            of_class.class_index == class_index,
            of_class.layer_index == UnitCountRow.layer_index,
        )
        .order_by(of_class.precision.desc(), of_class.unit_id)
        .correlate(UnitCountRow)
    )
    layers = session.read(  # a row for each layer, with a word for each unit
        select(aggregate_first(best, limit))
        .where(UnitCountRow.network_id == network_id(session, card))
        .group_by(UnitCountRow.layer_index)
        .order_by(UnitCountRow.layer_index)
    ).scalars()
    words = [word.split(",") for layer in layers for word in (layer or "").split()]
    units = summaries_by_id(session, card, [int(id) for id, *_ in words]) if words else {}
    by_layer: dict[str, list[UnitOfClass]] = {}
    for id, precision, response in words:
        unit = units[int(id)]
        by_layer.setdefault(unit.layer, []).append(
            UnitOfClass(unit=unit, precision=float(precision), response=float(response))
        )
    return by_layer


def units_of_class_pair(session: Session, *, card: NetworkCard, a: int, b: int, limit: int = 8) -> Pair:
    """Return units that separate two classes and units that respond to both, among the best detectors of either."""
    survey_id = newest_survey_id(session, card=card)
    rows = session.read(_select_pair_responses(survey_id, a, b)).all()
    responses = {unit: unpack(to_a + to_b) for unit, to_a, to_b in rows}
    separating = sorted(responses, key=lambda unit: -abs(responses[unit][0] - responses[unit][1]))[:limit]
    shared = sorted(responses, key=lambda unit: max(responses[unit]) - 2 * min(responses[unit]))[:limit]
    shared = [unit for unit in shared if 2 * min(responses[unit]) > max(responses[unit])]
    units = summaries_by_id(session, card, {*separating, *shared})

    def with_responses(ids: list[int]) -> tuple[UnitOfPair, ...]:
        return tuple(UnitOfPair(unit=units[id], a=responses[id][0], b=responses[id][1]) for id in ids)

    return Pair(
        separating=with_responses(separating),
        shared=with_responses(shared),
        layers=compare_layers(session, card=card, a=a, b=b),
    )


def shared_units(session: Session, *, card: NetworkCard, class_index: int, limit: int) -> list[SharedUnit]:
    """Return the generic units that respond most to a class, of those that have it among their best classes."""
    survey_id = newest_survey_id(session, card=card)
    records = session.read(
        select_unit_records(UnitClassRow.response)
        .join(UnitClassRow, UnitClassRow.unit_id == UnitRow.id)
        .where(UnitClassRow.survey_id == survey_id, UnitClassRow.class_index == class_index, IS_GENERIC)
        .order_by(UnitClassRow.response.desc(), UnitRow.id)
        .limit(limit)
    ).all()
    others: dict[int, list[int]] = {record.id: [] for record in records}
    if records:
        for unit, other in session.read(
            select(UnitClassRow.unit_id, UnitClassRow.class_index)
            .where(
                UnitClassRow.survey_id == survey_id,
                UnitClassRow.unit_id.in_(others),
                UnitClassRow.class_index != class_index,
            )
            .order_by(UnitClassRow.unit_id, UnitClassRow.rank)
        ):
            others[unit].append(other)
    return [
        SharedUnit(unit=unit, response=record.response, others=tuple(others[record.id]))
        for unit, record in zip(unit_summaries(session, card, records), records, strict=True)
    ]


def _select_pair_responses(survey_id: int | None, a: int, b: int) -> Select[*tuple[Any, ...]]:
    """Select the responses to two classes of the best detectors of either: two numbers of each packed list."""
    best = [
        select(UnitClassRow.unit_id)
        .where(UnitClassRow.survey_id == survey_id, UnitClassRow.class_index == index)
        .order_by(UnitClassRow.precision.desc(), UnitClassRow.unit_id)
        .limit(MAX_CANDIDATES)
        .subquery()
        for index in (a, b)
    ]
    table = UnitEvidenceByClassRow
    numbers = [
        func.substr(
            table.responses, literal(FLOAT_BYTES * index + 1, Integer), FLOAT_BYTES, type_=LargeBinary()
        )  # counted from 1
        for index in (a, b)
    ]
    return (
        select(table.unit_id, *numbers)
        .where(table.survey_id == survey_id, table.unit_id.in_(union(*(select(unit.c.unit_id) for unit in best))))
        .order_by(table.unit_id)
    )
