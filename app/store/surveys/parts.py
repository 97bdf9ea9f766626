"""What the later parts of a survey measured: of the network as a whole, and of single units.

To store a new part: its field of SurveyFacts needs nothing here; a field of UnitEvidence that only the unit's page
shows goes into DETAIL_FIELDS, and a number that units are searched by has its column in COLUMNS.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import insert, select

from app.contract.evidence import UnitEvidence
from app.contract.finite import check_finite
from app.contract.survey import MeasuredPart, OmittedPart, SurveyFacts
from app.contract.survey_part import SurveyPart
from app.store.database.session import Session
from app.store.database.survey_tables import SurveyPartRow

# Parts of which `surveys` has columns, or whose results are on units alone.
STORED_ELSEWHERE = {
    SurveyPart.RECORD,
    SurveyPart.PROBE,
    SurveyPart.ATTRIBUTE,
    SurveyPart.STREAMS,
    SurveyPart.MASK,
    SurveyPart.SELECTIVITY,
}
DETAIL_FIELDS: tuple[str, ...] = (
    "necessity",
    "coding",
    "motion",
    "interaction",
)  # of UnitEvidence, stored as JSON in `details`
CHECKED_FIELDS = ("synergy", "speed", "direction", "class_attributions", *DETAIL_FIELDS)  # of UnitEvidence
COLUMNS: dict[str, Callable[[UnitEvidence], Any]] = {  # of UnitEvidenceRow, by name: the value of a unit
    "needed_by": lambda evidence: evidence.necessity and evidence.necessity.needed_by,
    "coding": lambda unit: unit.coding and unit.coding.kind.value,
    "static_coding": lambda unit: unit.coding and unit.coding.static.difference.value,
    "dynamic_coding": lambda unit: unit.coding and unit.coding.dynamic.difference.value,
    "gain_slope": lambda unit: unit.motion and unit.motion.gain_slope and unit.motion.gain_slope.value,
    "rate_octaves": lambda unit: unit.motion and unit.motion.rate_octaves,
    "motion_share": lambda unit: unit.motion and unit.motion.motion_share,
    "interaction": lambda unit: unit.interaction and unit.interaction.share.value,
}


def save_part_facts(session: Session, *, survey_id: int, facts: SurveyFacts) -> None:
    """Add the parts that were measured to an unfinished survey. Raises NotFinite for a NaN or infinite figure."""
    rows = []
    for part in facts.parts:
        body = None
        check_finite(getattr(facts, part.part.field, None), f"The survey's {part.part.field}")
        if part.part not in STORED_ELSEWHERE:
            body = _adapter(part.part).dump_python(getattr(facts, part.part.field), mode="json")
        cost = part.model_dump(exclude={"part", "seconds"})
        row = {"part": part.part, "seconds": part.seconds, "body": body, "cost": cost, "omitted": None}
        rows.append({"survey_id": survey_id, **row})
    for omitted in facts.omitted:
        row = {"part": omitted.part, "seconds": 0.0, "body": None, "cost": None, "omitted": omitted.model_dump()}
        rows.append({"survey_id": survey_id, **row})
    if rows:
        session.execute(insert(SurveyPartRow), rows)


def read_part_facts(session: Session, *, survey_id: int) -> dict[str, Any]:
    """Return the fields of SurveyFacts that the parts of a survey added, and which parts these are."""
    rows = session.scalars(select(SurveyPartRow).where(SurveyPartRow.survey_id == survey_id)).all()
    order = list(SurveyPart)
    known = sorted((row for row in rows if row.part in order), key=lambda row: order.index(SurveyPart(row.part)))
    measured = [(SurveyPart(row.part), row) for row in known if row.omitted is None]
    fields: dict[str, Any] = {
        part.field: _adapter(part).validate_python(row.body) for part, row in measured if part not in STORED_ELSEWHERE
    }
    fields["parts"] = tuple(MeasuredPart(part=part, seconds=row.seconds, **(row.cost or {})) for part, row in measured)
    fields["omitted"] = tuple(OmittedPart.model_validate(row.omitted) for row in known if row.omitted is not None)
    return fields


@cache
def _adapter(part: SurveyPart) -> TypeAdapter[Any]:
    return TypeAdapter(SurveyFacts.model_fields[part.field].annotation or Any)


def part_columns(evidence: UnitEvidence) -> dict[str, Any]:
    """Return the columns of a unit that later parts of the survey fill.

    Raises NotFinite for a NaN or infinite figure.
    """
    for name in CHECKED_FIELDS:
        check_finite(getattr(evidence, name), f"The {name} of {evidence.layer}/{evidence.unit}")
    details = {name: getattr(evidence, name) for name in DETAIL_FIELDS}
    dumped = {name: value.model_dump(mode="json") for name, value in details.items() if value is not None}
    return {"details": dumped or None} | {name: value(evidence) for name, value in COLUMNS.items()}


def need_rows(evidence: UnitEvidence) -> list[dict[str, Any]]:
    """Return rows of `unit_needs`: the classes that need a unit."""
    return [
        {"class_index": need.class_index, "margin_change": need.margin_change.value}
        for need in (evidence.necessity.classes if evidence.necessity else ())
        if need.needed
    ]


def read_details(details: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the fields of UnitEvidence in a unit's `details`."""
    return {name: _detail_adapter(name).validate_python(body) for name, body in (details or {}).items()}


@cache
def _detail_adapter(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(UnitEvidence.model_fields[name].annotation or Any)
