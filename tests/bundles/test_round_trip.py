"""What one server exports, another shows as if it had computed it, and says from where it came."""

import hashlib
from pathlib import Path

from app.bundles.bring_in import import_bundle
from app.bundles.choice import Choice
from app.bundles.export import export_bundle
from app.contract.evidence import UnitEvidence
from app.contract.job import JobState
from app.contract.network import NetworkCard
from app.contract.survey import SurveyFacts
from app.store import datasets, media
from app.store.catalog import networks
from app.store.catalog.survey_columns import read_feature_statistics
from app.store.catalog.units import get_unit
from app.store.database.engine import Store
from app.store.database.survey_tables import FeatureStatisticsRow
from app.store.jobs import requests
from app.store.results import imports, visualizations
from app.store.surveys import transfer
from app.store.surveys.evidence import get_evidence, get_survey
from tests.evidence_support import clip_media
from tests.support import enqueue, request, state

Shown = tuple[object, ...]


def card_of(store: Store) -> NetworkCard:
    with store.session() as session:
        return networks.get_card(session, slug="tiny")


def results(store: Store) -> dict[tuple[str, int, str], Shown]:
    """Return what pages show of each result: all of it but its id and who brought it."""
    card = card_of(store)
    with store.session() as session:
        ids = visualizations.list_result_ids(session, card=card)
        found = visualizations.results_by_id(session, ids=ids).values()
        return {
            (each.layer, each.unit, each.recipe_key): (
                each.recipe,
                each.measurements,
                each.created_at,
                {ref.role: (ref, media.get_medium(session, sha256=ref.sha256)) for ref in each.media},
            )
            for each in found
        }


def evidence(store: Store) -> list[UnitEvidence | None]:
    card = card_of(store)
    with store.session() as session:
        return [
            get_evidence(session, card=card, layer=layer.name, unit=unit)
            for layer in card.layers
            for unit in range(layer.units)
        ]


def facts(store: Store) -> SurveyFacts:
    with store.session() as session:
        survey = get_survey(session, card=card_of(store))
        assert survey is not None
        return transfer.read_facts(survey)


def test_results_and_survey_are_those_of_the_origin(origin: Store, bundle: Path, target: Store) -> None:
    report = import_bundle(target, bundle, imported_by="anna")
    assert (report.results["tiny"], report.surveys, report.sentences) == (5, ["tiny"], [])
    assert results(target) == results(origin)
    assert evidence(target) == evidence(origin)
    assert facts(target) == facts(origin)
    assert card_of(target).survey_maxima == card_of(origin).survey_maxima != ""
    with origin.session() as there, target.session() as here:
        summaries = [get_unit(each, card=card_of(target), layer="fusion.conv2", unit=4) for each in (here, there)]
        assert summaries[0] == summaries[1]
        assert datasets.clip_sources(here, slug="little") == datasets.clip_sources(there, slug="little")
        assert datasets.get_dataset(here, slug="little") == datasets.get_dataset(there, slug="little")
        [poster] = datasets.get_clip(here, slug="little", name="run-1").media
        assert media.get_medium(here, sha256=poster.sha256).data == clip_media("run-1")[1].data


def test_feature_statistics_come_with_the_survey(origin: Store, target: Store, tmp_path: Path) -> None:
    with origin.transaction() as session:
        survey = get_survey(session, card=card_of(origin))
        assert survey is not None
        digest = hashlib.sha256(b"statistics").hexdigest()
        session.add(FeatureStatisticsRow(survey_id=survey.id, sha256=digest, data=b"statistics"))
    export_bundle(origin, tmp_path / "statistics.bundle", Choice(with_survey=True))
    import_bundle(target, tmp_path / "statistics.bundle")
    card = card_of(target)
    assert card.feature_statistics == digest
    with target.session() as session:
        assert read_feature_statistics(session, card=card, sha256=digest) == b"statistics"


def test_the_same_contents_give_the_same_bytes_on_both_servers(
    origin: Store, bundle: Path, target: Store, tmp_path: Path
) -> None:
    export_bundle(origin, tmp_path / "again", Choice(with_survey=True))
    import_bundle(target, bundle)
    export_bundle(target, tmp_path / "onward", Choice(with_survey=True))
    assert (tmp_path / "again").read_bytes() == bundle.read_bytes()
    assert (tmp_path / "onward").read_bytes() == bundle.read_bytes()


def test_everything_asked_for_is_there_already(bundle: Path, target: Store) -> None:
    import_bundle(target, bundle)
    with target.transaction() as session:
        answer = requests.enqueue(session, request=request(0, 1, 2))
    assert (len(answer.cached), answer.jobs) == (3, ())


def test_a_second_import_changes_nothing(bundle: Path, target: Store) -> None:
    import_bundle(target, bundle)
    report = import_bundle(target, bundle)
    assert (sum(report.results.values()), report.known["tiny"], report.surveys) == (0, 5, [])
    assert report.sentences == ["The survey of tiny was not taken in: it is here already."]
    with target.session() as session:
        assert len(imports.list_imports(session)) == 1


def test_jobs_that_wait_for_such_a_result_are_done(bundle: Path, target: Store) -> None:
    waiting = enqueue(target, 0, 3)  # before the survey that the bundle brings
    assert import_bundle(target, bundle, dry_run=True).answered == {}
    assert import_bundle(target, bundle).answered == {"tiny": 1}
    assert [state(target, job) for job in waiting] == [JobState.DONE, JobState.QUEUED]


def test_each_result_says_who_brought_it_and_from_where(origin: Store, target: Store, tmp_path: Path) -> None:
    path = tmp_path / "anna.bundle"
    export_bundle(origin, path, Choice(), source="https://lab.example")
    enqueue(target, 3)
    import_bundle(target, path, imported_by="anna")
    card = card_of(target)
    with target.session() as session:
        [result] = visualizations.visualizations_of_unit(session, card=card, layer="class", unit=0)
        [note] = imports.list_imports(session)
    assert result.imported is not None
    assert (result.imported.file, result.imported.source) == ("anna.bundle", "https://lab.example")
    assert (note.imported_by, note.results, note.surveys) == ("anna", 5, 0)
    assert result.imported.imported_at == note.imported_at > result.created_at


def test_a_network_of_another_slug_is_known_by_its_weights(origin: Store, bundle: Path, store: Store) -> None:
    card = card_of(origin).model_copy(update={"slug": "renamed", "survey_maxima": ""})
    with store.transaction() as session:
        networks.add_network(session, card=card, weights=[b"weights"])
    assert import_bundle(store, bundle).results == {"renamed": 5}
