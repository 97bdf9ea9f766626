"""The page of a network's surveys: what each part cost, which are missing, and how to add them."""

from fastapi.testclient import TestClient

from app.contract.job import PlannedPart, Progress, SurveyJob
from app.contract.survey import MeasuredPart, OmittedPart
from app.contract.survey_part import SurveyPart
from app.store.catalog.networks import get_card
from app.store.database.engine import Store
from app.store.jobs import leases
from app.store.surveys import writing
from tests.evidence_support import add_dataset, every_unit, facts, new_predictions
from tests.support import claim_job
from tests.web.views.conftest import Open

MEASURED = MeasuredPart(part=SurveyPart.RECORD, seconds=10.0, passes=9, decode_seconds=5.0, forward_seconds=4.0)
OMITTED = (
    OmittedPart(part=SurveyPart.STREAMS, reason="Nothing of that kind.", applies=False),
    OmittedPart(part=SurveyPart.MASK, reason="The control overflows.", applies=True),
)


def add_recording(store: Store) -> None:
    """Write a survey of `tiny` that has one part, and knows of no groups."""
    add_dataset(store)
    with store.transaction() as session:
        card = get_card(session, slug="tiny")
        begun = writing.begin_survey(session, network="tiny", dataset="little")
        writing.save_unit_evidence(session, survey_id=begun, units=every_unit(card))
        writing.save_predictions(session, survey_id=begun, predictions=new_predictions())
        found = facts(len(card.classes), parts=(MEASURED,), omitted=OMITTED, groups_known=False)
        writing.finish_survey(session, survey_id=begun, facts=found)


def test_a_survey_tells_its_parts_and_offers_the_missing_ones(
    store: Store, open_page: Open, visitor: TestClient
) -> None:
    add_recording(store)
    page = open_page("/tiny/-/surveys")
    for words in ("50.0%", "40.0%", "The control overflows.", "Nothing of that kind.", "Add the missing parts"):
        assert words in page.text
    assert "It is not known which clips of little are of one recording or one person." in page.text
    assert "little at most 10 s" in page.text, "beside the choice"
    form = {"network": "tiny", "dataset": "little", "parts": ["mask", "probe"]}
    assert visitor.post("/-/surveys", data=form).status_code == 303
    job = claim_job(store, SurveyJob)
    assert job.parts == (SurveyPart.PROBE, SurveyPart.MASK)


def test_all_parts_ticked_are_a_new_survey(store: Store, visitor: TestClient) -> None:
    add_recording(store)
    form = {"network": "tiny", "dataset": "little", "parts": [part.value for part in SurveyPart]}
    assert visitor.post("/-/surveys", data=form).status_code == 303
    assert claim_job(store, SurveyJob).parts is None
    wrong = visitor.post("/-/surveys", data={**form, "parts": ["prob"]})
    assert wrong.status_code == 422


def test_the_page_of_the_job_lists_the_parts(store: Store, open_page: Open) -> None:
    add_recording(store)
    with store.transaction() as session:
        asked = writing.enqueue_survey(session, network="tiny", dataset="little", parts=[SurveyPart.PROBE])
    claim_job(store, SurveyJob)
    parts = (
        PlannedPart(part=SurveyPart.RECORD, passes=9, estimate=9.0, seconds=12.0),
        PlannedPart(part=SurveyPart.PROBE, passes=1320, estimate=240.0),
        PlannedPart(part=SurveyPart.MASK),
    )
    with store.transaction() as session:
        now = {asked.id: Progress(stage="part 2 of 3, shows", step=31, steps=1320, parts=parts)}
        leases.save_progress(session, worker="w1", progress=now, previews={})
    page = open_page(f"/-/jobs/{asked.id}")
    for words in ("done in 12 s", "1,320", "about 4 min", "counted once the clips are recorded"):
        assert words in page.text
