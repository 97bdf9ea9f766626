"""Which of two surveys stays: the newer one, unless somebody asks for the other."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.bundles.bring_in import import_bundle
from app.contract.dataset import NewClip
from app.contract.job import SurveyJob
from app.store import datasets
from app.store.catalog import networks
from app.store.database.engine import Store
from app.store.surveys import transfer, writing
from app.store.surveys.evidence import get_survey
from tests.bundle_support import change_manifest
from tests.evidence_support import add_dataset, clip_media, survey
from tests.support import claim_job


def date(bundle: Path, moment: datetime) -> None:
    """Change when the survey in a bundle was measured."""

    def change(manifest: dict[str, Any]) -> None:
        manifest["networks"][0]["survey"]["measured_at"] = moment.isoformat()

    change_manifest(bundle, change)


def measured_at(store: Store) -> datetime:
    with store.session() as session:
        found = get_survey(session, card=networks.get_card(session, slug="tiny"))
        assert found is not None
        return transfer.measured_at(found)


@pytest.fixture
def surveyed(small: Store) -> Store:
    add_dataset(small, has_flow=False)
    survey(small)
    return small


LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def test_an_older_survey_stays_out(surveyed: Store, bundle: Path) -> None:
    before = measured_at(surveyed)
    date(bundle, LONG_AGO)
    report = import_bundle(surveyed, bundle)
    assert (report.surveys, report.results["tiny"], measured_at(surveyed)) == ([], 5, before)
    assert f"of {before:%Y-%m-%d %H:%M} UTC, is newer" in report.sentences[0]
    assert "--replace-survey" in report.sentences[0]


def test_an_older_survey_comes_in_where_somebody_asks_for_it(surveyed: Store, bundle: Path) -> None:
    date(bundle, LONG_AGO)
    report = import_bundle(surveyed, bundle, replace_survey=True)
    assert (report.surveys, measured_at(surveyed)) == (["tiny"], LONG_AGO)


def test_a_newer_survey_takes_the_place(surveyed: Store, bundle: Path) -> None:
    tomorrow = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    date(bundle, tomorrow)
    report = import_bundle(surveyed, bundle)
    assert (report.surveys, measured_at(surveyed)) == (["tiny"], tomorrow)


def test_a_survey_that_is_under_way_is_not_disturbed(surveyed: Store, bundle: Path) -> None:
    with surveyed.transaction() as session:
        writing.enqueue_survey(session, network="tiny", dataset="little")
    claim_job(surveyed, SurveyJob)
    report = import_bundle(surveyed, bundle, replace_survey=True)
    assert report.surveys == []
    assert "is being surveyed with these clips just now" in report.sentences[0]


def test_a_survey_of_another_data_set_of_that_name_stays_out(small: Store, bundle: Path) -> None:
    with small.transaction() as session:
        datasets.add_dataset(session, slug="little", title="Other")
        datasets.add_clips(
            session,
            slug="little",
            clips=[NewClip(name="walk-0", label="run", media=clip_media("walk-0"))],
        )
    report = import_bundle(small, bundle)
    assert (report.surveys, report.results["tiny"]) == ([], 5)
    assert "the data set little here is another one: see its clip 'walk-0'" in report.sentences[0]


def test_clips_that_are_here_keep_their_videos(surveyed: Store, bundle: Path) -> None:
    import_bundle(surveyed, bundle, replace_survey=True)
    with surveyed.session() as session:
        assert len(datasets.get_clip(session, slug="little", name="run-1").media) == 2
        assert datasets.get_dataset(session, slug="little").clips == 9


def test_a_dry_run_tells_the_same_and_writes_nothing(surveyed: Store, bundle: Path) -> None:
    date(bundle, LONG_AGO)
    report = import_bundle(surveyed, bundle, dry_run=True)
    assert (report.results["tiny"], report.surveys) == (5, [])
    assert "would not be taken in: the one here" in report.sentences[0]
    with surveyed.session() as session:
        assert networks.get_network(session, slug="tiny").visualizations == 0
