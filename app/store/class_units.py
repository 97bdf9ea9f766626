"""Units by what they say of classes, of one or of two: of those that a survey found to detect them best."""

from sqlalchemy import ColumnElement, LargeBinary, Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from app.contract.confusion import Pair, SharedUnit, UnitOfPair
from app.contract.evidence import UnitOfClass
from app.store.catalog import network_row, unit_summary
from app.store.chunks import chunks
from app.store.evidence_tables import EvidenceByClassRow, UnitClassRow
from app.store.explore import first_each
from app.store.listed import newest_survey
from app.store.packing import unpack
from app.store.tables import UnitCountRow, UnitRow

CANDIDATES = 250  # best detectors of each class that are looked at: reading all units would take seconds
CHUNK = 500


def best_by_layer(session: Session, *, network: str, class_index: int, each: int) -> dict[str, list[UnitOfClass]]:
    """The units of every layer that detect a class best."""
    row = network_row(session, network)
    of, survey = aliased(UnitClassRow), newest_survey(session, network_id=row.id)
    best = (
        select(of.unit_id)
        .where(of.survey_id == survey, of.class_index == class_index, of.layer_index == UnitCountRow.layer_index)
        .order_by(of.precision.desc(), of.unit_id)
    )
    layers = select(*first_each(best, each)).where(UnitCountRow.network_id == row.id).group_by(UnitCountRow.layer_index)
    ids = [id for places in session.execute(layers) for id in places if id is not None]
    found: dict[str, list[UnitOfClass]] = {}
    query = _detecting(survey, class_index).where(UnitRow.id.in_(ids))
    for unit, precision, response in session.execute(
        query.order_by(UnitRow.layer_index, UnitClassRow.precision.desc(), UnitRow.id)
    ):
        of_class = UnitOfClass(unit=unit_summary(network, unit), precision=precision, response=response)
        found.setdefault(unit.layer, []).append(of_class)
    return found


def units_of_pair(session: Session, *, network: str, a: int, b: int, limit: int = 8) -> Pair:
    """Those that separate two classes and those that do not, of the best detectors of either."""
    survey = newest_survey(session, network_id=network_row(session, network).id)
    responses: dict[int, tuple[float, float]] = {}
    ids = sorted({*_detectors(session, survey, a), *_detectors(session, survey, b)})
    by_class = EvidenceByClassRow
    for some in chunks(ids, CHUNK):
        query = select(by_class.unit_id, _packed_at(by_class.responses, a), _packed_at(by_class.responses, b))
        for unit, at_a, at_b in session.execute(query.where(by_class.survey_id == survey, by_class.unit_id.in_(some))):
            responses[unit] = unpack(at_a)[0], unpack(at_b)[0]
    apart = sorted(responses, key=lambda unit: -abs(responses[unit][0] - responses[unit][1]))[:limit]
    alike = sorted(responses, key=lambda unit: max(responses[unit]) - 2 * min(responses[unit]))[:limit]
    alike = [unit for unit in alike if 2 * min(responses[unit]) > max(responses[unit])]
    units = {row.id: unit_summary(network, row) for row in _units(session, {*apart, *alike})}

    def of(chosen: list[int]) -> tuple[UnitOfPair, ...]:
        return tuple(UnitOfPair(unit=units[id], a=responses[id][0], b=responses[id][1]) for id in chosen)

    return Pair(separating=of(apart), shared=of(alike))


def shared_units(session: Session, *, network: str, class_index: int, limit: int = 8) -> list[SharedUnit]:
    """The generic units that answer most to a class, of those for which it is among their best."""
    survey = newest_survey(session, network_id=network_row(session, network).id)
    rows = session.execute(
        select(UnitRow, UnitClassRow.response)
        .join(UnitClassRow, UnitClassRow.unit_id == UnitRow.id)
        .where(
            UnitClassRow.survey_id == survey,
            UnitClassRow.class_index == class_index,
            UnitClassRow.is_generic,
        )
        .order_by(UnitClassRow.response.desc(), UnitRow.id)
        .limit(limit)
    ).all()
    others: dict[int, list[int]] = {unit.id: [] for unit, _ in rows}
    also = select(UnitClassRow.unit_id, UnitClassRow.class_index).where(
        UnitClassRow.survey_id == survey, UnitClassRow.unit_id.in_(others), UnitClassRow.class_index != class_index
    )
    for unit, index in session.execute(also.order_by(UnitClassRow.unit_id, UnitClassRow.rank)):
        others[unit].append(index)
    return [
        SharedUnit(unit=unit_summary(network, unit), response=response, others=tuple(others[unit.id]))
        for unit, response in rows
    ]


def _detecting(survey: int | None, class_index: int) -> Select[UnitRow, float, float]:
    """Units with what they say of a class, of those for which it is among their best."""
    return (
        select(UnitRow, UnitClassRow.precision, UnitClassRow.response)
        .join(UnitClassRow, UnitClassRow.unit_id == UnitRow.id)
        .where(UnitClassRow.survey_id == survey, UnitClassRow.class_index == class_index)
    )


def _packed_at(values: InstrumentedAttribute[bytes], index: int) -> ColumnElement[bytes]:
    """One of a packed list, so that the list stays where it is."""
    return func.substr(values, 4 * index + 1, 4, type_=LargeBinary())


def _detectors(session: Session, survey: int | None, class_index: int) -> list[int]:
    return list(
        session.scalars(
            select(UnitClassRow.unit_id)
            .where(UnitClassRow.survey_id == survey, UnitClassRow.class_index == class_index)
            .order_by(UnitClassRow.precision.desc(), UnitClassRow.unit_id)
            .limit(CANDIDATES)
        )
    )


def _units(session: Session, ids: set[int]) -> list[UnitRow]:
    return list(session.scalars(select(UnitRow).where(UnitRow.id.in_(ids))))
