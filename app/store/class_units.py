"""Units by what they say of classes, of one or of two: of those that a survey found to detect them best."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.contract.catalog import UnitRole
from app.contract.confusion import Pair, SharedUnit, UnitOfPair
from app.contract.evidence import UnitOfClass
from app.store.catalog import network_row, unit_summary
from app.store.evidence_tables import EvidenceByClassRow, UnitClassRow
from app.store.listed import newest_survey
from app.store.packing import unpack_at
from app.store.tables import UnitRow

CANDIDATES = 250  # best detectors of each class that are looked at: reading all units would take seconds
CHUNK = 500


def best_by_layer(session: Session, *, network: str, class_index: int, each: int) -> dict[str, list[UnitOfClass]]:
    """The units of every layer that detect a class best, in one statement."""
    survey = newest_survey(session, network_id=network_row(session, network).id)
    place = func.row_number().over(
        partition_by=UnitRow.layer_index, order_by=(UnitClassRow.precision.desc(), UnitRow.id)
    )
    ranked = (
        select(UnitClassRow.unit_id, UnitClassRow.precision, UnitClassRow.response, place.label("place"))
        .join(UnitRow, UnitRow.id == UnitClassRow.unit_id)
        .where(UnitClassRow.survey_id == survey, UnitClassRow.class_index == class_index)
        .subquery()
    )
    rows = session.execute(
        select(UnitRow, ranked.c.precision, ranked.c.response)
        .join(ranked, ranked.c.unit_id == UnitRow.id)
        .where(ranked.c.place <= each)
        .order_by(UnitRow.layer_index, ranked.c.place)
    )
    found: dict[str, list[UnitOfClass]] = {}
    for unit, precision, response in rows:
        of_class = UnitOfClass(unit=unit_summary(network, unit), precision=precision, response=response)
        found.setdefault(unit.layer, []).append(of_class)
    return found


def units_of_pair(session: Session, *, network: str, a: int, b: int, limit: int = 8) -> Pair:
    """Those that separate two classes and those that do not, of the best detectors of either."""
    survey = newest_survey(session, network_id=network_row(session, network).id)
    responses: dict[int, tuple[float, float]] = {}
    ids = sorted({*_detectors(session, survey, a), *_detectors(session, survey, b)})
    for start in range(0, len(ids), CHUNK):
        rows = session.execute(
            select(EvidenceByClassRow.unit_id, EvidenceByClassRow.responses).where(
                EvidenceByClassRow.survey_id == survey, EvidenceByClassRow.unit_id.in_(ids[start : start + CHUNK])
            )
        )
        for unit, packed in rows:
            responses[unit] = unpack_at(packed, a), unpack_at(packed, b)
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
            UnitRow.role == UnitRole.GENERIC.value,
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
