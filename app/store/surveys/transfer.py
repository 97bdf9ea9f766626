"""Reads a whole survey to be taken to another server, and saves one that was measured elsewhere."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from sqlalchemy import insert, select

from app.contract.bundle import BundledSurvey, BundledUnit
from app.contract.network import NetworkCard
from app.contract.survey import NewClipPrediction, Survey, SurveyFacts
from app.store.catalog.networks import network_row
from app.store.catalog.units import Position
from app.store.database.chunks import chunks
from app.store.database.clock import now
from app.store.database.import_tables import ImportedSurveyRow
from app.store.database.session import Session
from app.store.database.survey_tables import ClipRow, FeatureStatisticsRow, PredictionRow, UnitEvidenceRow
from app.store.database.tables import UnitRow
from app.store.datasets import list_datasets
from app.store.surveys.evidence import evidence_of_units, get_survey
from app.store.surveys.writing import (
    begin_survey,
    finish_survey,
    save_map_positions,
    save_predictions,
    save_unit_evidence,
)

UNITS_PER_READ = 200


def measured_dictionaries(session: Session, *, card: NetworkCard, survey_id: int) -> bool:
    """Return whether a survey measured directions of dictionaries, which belong to this server alone."""
    layers = [layer.index for layer in card.layers if layer.dictionary is not None]
    measured = select(UnitEvidenceRow.unit_id).where(
        UnitEvidenceRow.survey_id == survey_id, UnitEvidenceRow.layer_index.in_(layers)
    )
    return bool(layers) and session.read(measured.limit(1)).first() is not None


def read_facts(survey: Survey) -> SurveyFacts:
    """Return what a survey found of its network as a whole, without what this server alone calls it."""
    return SurveyFacts(**{name: getattr(survey, name) for name in SurveyFacts.model_fields})


def read_units(session: Session, *, card: NetworkCard, survey_id: int) -> Iterator[BundledUnit]:
    """Yield what a survey measured on each unit of the network itself, with its position on the map."""
    positions = [(layer.index, unit) for layer in card.own_layers for unit in range(layer.units)]
    on_map = _map_positions(session, survey_id)
    for some in chunks(positions, UNITS_PER_READ):
        evidence = evidence_of_units(session, card=card, positions=some, survey_id=survey_id)
        for position in some:
            if position in evidence:
                yield BundledUnit(evidence=evidence[position], position=on_map.get(position))


def _map_positions(session: Session, survey_id: int) -> dict[Position, tuple[float, float]]:
    rows = session.read(
        select(UnitRow.layer_index, UnitRow.index, UnitEvidenceRow.map_x, UnitEvidenceRow.map_y)
        .join(UnitEvidenceRow, UnitEvidenceRow.unit_id == UnitRow.id)
        .where(UnitEvidenceRow.survey_id == survey_id)
    )
    return {(layer, unit): (x, y) for layer, unit, x, y in rows if x is not None and y is not None}


def read_predictions(session: Session, *, survey_id: int) -> list[NewClipPrediction]:
    """Return what a survey's network predicted for each clip, in the order of their names."""
    table = PredictionRow
    rows = session.read(
        select(
            ClipRow.name,
            table.label.label("label"),
            table.predicted.label("predicted"),
            table.probability,
            table.label_probability.label("label_probability"),
        )
        .join(ClipRow, ClipRow.id == table.clip_id)
        .where(table.survey_id == survey_id)
    )
    predictions = [
        NewClipPrediction(
            clip=name, label=label, predicted=predicted, probability=probability, label_probability=label_probability
        )
        for name, label, predicted, probability, label_probability in rows
    ]
    return sorted(predictions, key=lambda prediction: prediction.clip)


def read_statistics(session: Session, *, survey_id: int) -> bytes | None:
    """Return the file with the means and variances of features that a survey measured, None where it did not."""
    table = FeatureStatisticsRow
    return session.scalar(select(table.data).where(table.survey_id == survey_id))


def measured_at(survey: Survey) -> datetime:
    """Return when a survey was measured, in whole seconds: the rest of the time is its own on every server."""
    return survey.created_at.replace(microsecond=0)


def find_survey(session: Session, *, card: NetworkCard, dataset: str) -> Survey | None:
    """Return the survey of a network with a data set, which may not be here."""
    is_known = any(each.slug == dataset for each in list_datasets(session))
    return get_survey(session, card=card, dataset=dataset) if is_known else None


def save_imported_survey(
    session: Session,
    *,
    card: NetworkCard,
    survey: BundledSurvey,
    units: Iterable[BundledUnit],
    predictions: Iterable[NewClipPrediction],
    feature_statistics: bytes | None,
    import_id: int,
) -> int:
    """Save a survey whose data set is here, and return its id. It replaces the one of the same network and data set.

    All of it belongs in one transaction, in which the network is locked: two imports at once take turns.
    """
    network_row(session, card.slug, lock=True)
    survey_id = begin_survey(session, network=card.slug, dataset=survey.dataset)
    session.execute(insert(ImportedSurveyRow), [{"survey_id": survey_id, "import_id": import_id}])
    for some in chunks(units, UNITS_PER_READ):
        save_unit_evidence(session, survey_id=survey_id, units=[unit.evidence for unit in some])
        positions = {(unit.evidence.layer, unit.evidence.unit): unit.position for unit in some}
        on_map = {name: position for name, position in positions.items() if position is not None}
        save_map_positions(session, survey_id=survey_id, positions=on_map)
    save_predictions(session, survey_id=survey_id, predictions=predictions)
    finish_survey(
        session,
        survey_id=survey_id,
        facts=survey.facts,
        feature_statistics=feature_statistics,
        # The part of the second is this import's own: a survey whose id another one had before has another time, so
        # that nothing in memory is taken for it (see SurveyKey).
        finished_at=survey.measured_at.replace(microsecond=now(session).microsecond),
        units=survey.units,
    )
    return survey_id
