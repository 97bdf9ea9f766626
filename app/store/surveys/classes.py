"""Units by what they say of classes, of one or of two: of those that a survey found to detect them best."""

from functools import cache
from typing import Any

from sqlalchemy import Integer, LargeBinary, Select, String, bindparam, cast, func, select, union
from sqlalchemy.orm import aliased

from app.contract.confusion import Pair, SharedUnit, UnitOfPair
from app.contract.evidence import UnitOfClass
from app.store.catalog.networks import UNITS, network_row
from app.store.catalog.summaries import summaries_by_id, unit_summaries
from app.store.catalog.survey_columns import newest_survey
from app.store.catalog.thumbnails import first_each
from app.store.database.packing import unpack
from app.store.database.session import Session
from app.store.database.survey_tables import GENERIC, EvidenceByClassRow, UnitClassRow
from app.store.database.tables import UnitCountRow, UnitRow
from app.store.surveys.confusions import layers_of_pair

CANDIDATES = 120  # best detectors of each class that are looked at: reading all units would take seconds

OF_CLASS = UnitClassRow.survey_id == bindparam("survey"), UnitClassRow.class_index == bindparam("class")
DETECTORS = [
    select(UnitClassRow.unit_id)
    .where(UnitClassRow.survey_id == bindparam("survey"), UnitClassRow.class_index == bindparam(f"class_{each}"))
    .order_by(UnitClassRow.precision.desc(), UnitClassRow.unit_id)
    .limit(CANDIDATES)
    .subquery()
    for each in ("a", "b")
]
# Two numbers of each packed list, which stays where it is.
RESPONSES: Select[*tuple[Any, ...]] = (
    select(
        EvidenceByClassRow.unit_id,
        *(
            func.substr(EvidenceByClassRow.responses, bindparam(each, type_=Integer), 4, type_=LargeBinary())
            for each in ("a", "b")
        ),
    )
    .where(
        EvidenceByClassRow.survey_id == bindparam("survey"),
        EvidenceByClassRow.unit_id.in_(union(*(select(best.c.unit_id) for best in DETECTORS))),
    )
    .order_by(EvidenceByClassRow.unit_id)
)
SHARED = (
    UNITS.add_columns(UnitClassRow.response)
    .join(UnitClassRow, UnitClassRow.unit_id == UnitRow.id)
    .where(*OF_CLASS, GENERIC)
    .order_by(UnitClassRow.response.desc(), UnitRow.id)
    .limit(bindparam("most"))
)
ALSO = (
    select(UnitClassRow.unit_id, UnitClassRow.class_index)
    .where(
        UnitClassRow.survey_id == bindparam("survey"),
        UnitClassRow.unit_id.in_(bindparam("units", expanding=True)),
        UnitClassRow.class_index != bindparam("class"),
    )
    .order_by(UnitClassRow.unit_id, UnitClassRow.rank)
)


def best_by_layer(session: Session, *, network: str, class_index: int, each: int) -> dict[str, list[UnitOfClass]]:
    """The units of every layer that detect a class best."""
    network_id = network_row(session, network).id
    asked = {"survey": newest_survey(session, network_id=network_id), "class": class_index, "network": network_id}
    layers = session.read(_best(each), asked).scalars().all()
    best = [word.split(",") for layer in layers for word in (layer or "").split()]
    units = summaries_by_id(session, network, [int(id) for id, *_ in best]) if best else {}
    found: dict[str, list[UnitOfClass]] = {}
    for id, precision, response in best:
        unit = units[int(id)]
        of_class = UnitOfClass(unit=unit, precision=float(precision), response=float(response))
        found.setdefault(unit.layer, []).append(of_class)
    return found


@cache
def _best(each: int) -> Select[str]:
    """A row for each layer, with a word for each unit: its id, precision and response."""
    of = aliased(UnitClassRow)
    word = cast(of.unit_id, String) + "," + cast(of.precision, String) + "," + cast(of.response, String)
    best = (
        select(word)
        .where(
            of.survey_id == bindparam("survey"),
            of.class_index == bindparam("class"),
            of.layer_index == UnitCountRow.layer_index,
        )
        .order_by(of.precision.desc(), of.unit_id)
        .correlate(UnitCountRow)
    )
    layers = select(first_each(best, each)).where(UnitCountRow.network_id == bindparam("network"))
    return layers.group_by(UnitCountRow.layer_index).order_by(UnitCountRow.layer_index)


def units_of_pair(session: Session, *, network: str, a: int, b: int, limit: int = 8) -> Pair:
    """Those that separate two classes and those that do not, of the best detectors of either."""
    survey = newest_survey(session, network_id=network_row(session, network).id)
    asked = {"survey": survey, "class_a": a, "class_b": b, "a": 4 * a + 1, "b": 4 * b + 1}
    found = session.read(RESPONSES, asked).all()
    responses = {unit: unpack(at_a + at_b) for unit, at_a, at_b in found}
    apart = sorted(responses, key=lambda unit: -abs(responses[unit][0] - responses[unit][1]))[:limit]
    alike = sorted(responses, key=lambda unit: max(responses[unit]) - 2 * min(responses[unit]))[:limit]
    alike = [unit for unit in alike if 2 * min(responses[unit]) > max(responses[unit])]
    units = summaries_by_id(session, network, {*apart, *alike})

    def of(chosen: list[int]) -> tuple[UnitOfPair, ...]:
        return tuple(UnitOfPair(unit=units[id], a=responses[id][0], b=responses[id][1]) for id in chosen)

    layers = layers_of_pair(session, network=network, a=a, b=b)
    return Pair(separating=of(apart), shared=of(alike), layers=layers)


def shared_units(session: Session, *, network: str, class_index: int, limit: int = 8) -> list[SharedUnit]:
    """The generic units that answer most to a class, of those for which it is among their best."""
    survey = newest_survey(session, network_id=network_row(session, network).id)
    asked = {"survey": survey, "class": class_index}
    rows = session.read(SHARED, {**asked, "most": limit}).all()
    others: dict[int, list[int]] = {row.id: [] for row in rows}
    for unit, index in session.read(ALSO, {**asked, "units": list(others)}) if others else ():
        others[unit].append(index)
    return [
        SharedUnit(unit=unit, response=row.response, others=tuple(others[row.id]))
        for unit, row in zip(unit_summaries(session, network, rows), rows, strict=True)
    ]
