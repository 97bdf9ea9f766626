"""Add parts to a published survey: what it has already is taken over into the survey that replaces it."""

from collections.abc import Iterator
from typing import Any

from app.contract.evidence import UnitEvidence
from app.contract.network import NetworkCard
from app.contract.survey import Survey, SurveyFacts
from app.contract.survey_part import SurveyPart
from app.store.database.chunks import chunks
from app.store.database.engine import Store
from app.store.surveys import evidence
from worker.survey.parts import PARTS
from worker.survey.run import SurveyResult

UNITS_PER_READ = 200
# Fields of UnitEvidence that parts after the recording measure; those that the recording measures are made anew
PART_FIELDS = tuple(name for part in PARTS for name in part.unit_fields)


def find_survey_to_extend(
    store: Store, card: NetworkCard, dataset: str, clips: int, parts: tuple[SurveyPart, ...] | None
) -> Survey | None:
    """Return the published survey that parts are added to; None where a new one has to be made.

    Clips are only ever added to a data set, so a survey of as many clips is of the same.
    """
    if parts is None:
        return None
    with store.session() as session:
        survey = evidence.get_survey(session, card=card, dataset=dataset)
    if survey is None or not survey.parts or survey.clips + len(survey.skipped) != clips:
        return None
    return survey


def take_over_facts(former: Survey, facts: SurveyFacts, *, has_recorded: bool) -> SurveyFacts:
    """Return the facts with those of the parts that only the former survey has.

    `has_recorded` says whether the clips were recorded again; else the cost of the recording is the former one too.
    """
    order = list(SurveyPart)
    new = {each.part: each for each in facts.parts if has_recorded or each.part is not SurveyPart.RECORD}
    old = {each.part: each for each in former.parts if each.part not in new}
    omitted = {each.part: each for each in (*former.omitted, *facts.omitted) if each.part not in new | old}
    fields: dict[str, Any] = {
        part.field: getattr(former, part.field) for part in old if part.field in SurveyFacts.model_fields
    }
    measured = new | old
    return facts.model_copy(
        update={
            **fields,
            "seconds": sum(each.seconds for each in measured.values()),
            "parts": tuple(measured[part] for part in order if part in measured),
            "omitted": tuple(omitted[part] for part in order if part in omitted),
        }
    )


def take_over_units(store: Store, card: NetworkCard, former: Survey, result: SurveyResult) -> Iterator[UnitEvidence]:
    """Yield the units with the fields that only the former survey measured.

    A part that was measured again has its fields anew for every unit, also for those that it now says nothing of.
    """
    names = [name for name in PART_FIELDS if name not in result.unit_fields]
    for batch in chunks(result.units, UNITS_PER_READ):
        positions = [(card.layer(unit.layer).index, unit.unit) for unit in batch]
        with store.session() as session:
            old = evidence.evidence_of_units(session, card=card, positions=positions, survey_id=former.id)
        for unit, position in zip(batch, positions, strict=True):
            if position in old:
                yield unit.model_copy(update={name: getattr(old[position], name) for name in names})
            else:
                yield unit
