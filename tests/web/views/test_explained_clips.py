"""The pages of an explained clip: its form, its progress, its explanation, and a failure."""

import pytest
from fastapi.testclient import TestClient

from app.contract.explanation import (
    ClassShares,
    Contribution,
    Explanation,
    LayerShares,
    Prediction,
)
from app.contract.job import ExplainJob, JobError, Progress
from app.store import Session
from app.store.database.engine import Store
from app.store.jobs import leases
from app.store.surveys import explanations
from app.web import urls
from tests.evidence_support import add_dataset, clip_media
from tests.support import claim_job
from tests.web.views.conftest import Make, Open
from tests.web.views.test_templates import check

VIDEO = b"\x00\x00\x00\x18ftypisom" + bytes(400)


def contribution(layer: str, unit: int, share: float, trace: tuple[float, ...]) -> Contribution:
    return Contribution(
        layer=layer,
        unit=unit,
        activation=2.0,
        share=share,
        effect=None if unit else 0.5,
        x=0.25,
        y=0.5,
        time=0.5,
        trace=trace,
    )


def shares(label: str, logit: float, against: str | None = None) -> ClassShares:
    units = (contribution("fc6", 0, 1.5, (2.0,)), contribution("fc6", 3, -0.25, (0.0, 1.0, 2.0)))
    layer = LayerShares(layer="fc6", units=units, others=0.25, rest=logit - 1.5)
    return ClassShares(label=label, against=against, logit=logit, layers=(layer,))


FOUND = Explanation(
    network="tiny",
    predictions=(
        Prediction(label="run", logit=3.0, probability=0.75),
        Prediction(label="back/flip & turn", logit=1.0, probability=0.125),
    ),
    predicted=shares("run", 3.0),
    expected=shares("walk", -1.0),
    contrasts=(shares("run", 4.0, "walk"), shares("run", 2.0, "back/flip & turn")),
)


@pytest.fixture
def asked(visitor: TestClient) -> str:
    """Return the address of a clip whose job is queued."""
    sent = visitor.post(
        "/-/clips", data={"network": "tiny", "expected": "walk"}, files={"file": ("dive.mp4", VIDEO, "video/mp4")}
    )
    assert sent.status_code == 303, sent.text
    return sent.headers["location"]


def explain(store: Store) -> None:
    job = claim_job(store, ExplainJob)

    def save(session: Session) -> dict[str, object]:
        explanations.save_explanation(session, job_id=job.id, explanation=FOUND, media=clip_media("dive"))
        return {}

    with store.transaction() as session:
        assert leases.finish_with_answer(session, worker="w1", job=job, save=save)


def test_the_form_takes_a_file_or_a_clip_of_a_data_set(store: Store, visitor: TestClient, open_page: Open) -> None:
    add_dataset(store)
    page = open_page("/tiny/-/explain")
    check(page)
    assert page.form("Explain").fields == {"network": "tiny", "file": "", "expected": ""}
    assert "/tiny/-/explain" in open_page("/tiny").links
    pick = "/tiny/-/explain?dataset=little&clip=walk-0"
    assert pick in page.links
    assert pick in open_page("/-/datasets/little/walk-0").links
    form = open_page(pick).form("Explain")
    assert form.fields == {"network": "tiny", "dataset": "little", "clip": "walk-0", "expected": "walk"}
    sent = visitor.post(form.action, data=form.fields)
    assert (sent.status_code, sent.headers["location"]) == (303, "/-/clips/1")
    assert "kinetoscope_owner" in sent.headers["set-cookie"]
    assert visitor.get("/tiny/-/explain?dataset=little&clip=none").status_code == 404


def test_it_is_watched_while_it_waits_and_is_worked_on(store: Store, asked: str, open_page: Open) -> None:
    page = open_page(asked)
    check(page)
    assert "Queued" in page.text
    job = claim_job(store, ExplainJob)
    for step, words in ((0, "reads the clip"), (3, "pass 3 of 19")):
        with store.transaction() as session:
            progress = {job.id: Progress(step=step, steps=19)}
            leases.save_progress(session, worker="w1", progress=progress)
        for address in (asked, "/-/jobs", f"/-/jobs/{job.id}"):
            assert words in open_page(address).text
    assert asked in open_page(f"/-/jobs/{job.id}").links or "dive.mp4" in open_page(f"/-/jobs/{job.id}").text


def test_the_answer_names_units_with_their_shares(store: Store, make: Make, asked: str, open_page: Open) -> None:
    explain(store)
    page = open_page(asked)
    check(page)
    assert [bar["value"] for bar in page.all("meter")] == ["0.75", "0.125"]
    for words in ("What speaks for run", "What speaks for walk", "the layer's other units", "+1.50", "−0.250"):
        assert words in page.text
    assert {"/tiny/fc6/0", "/tiny/fc6/3", "/tiny/-/classes/run"} <= set(page.links)
    assert len(page.all("activation-playhead")) == 2, "of the units whose layer has moments"
    assert "The ring is where a unit answered most, the line when." in page.text
    assert "/tiny/-/visualize?u=fc6/0&u=fc6/3" in page.links


def test_a_unit_without_a_stimulus_offers_one_in_its_place(store: Store, asked: str, open_page: Open) -> None:
    explain(store)
    assert open_page(asked).all("a", class_="blank", href="/tiny/-/visualize?u=fc6/3")


def test_why_not_another_is_in_the_address(store: Store, visitor: TestClient, asked: str, open_page: Open) -> None:
    explain(store)
    form = open_page(asked).form("Why not?")
    assert (form.action, form.method, form.fields) == (asked, "get", {"against": "walk"})
    page = open_page(f"{asked}?against=back/flip%20%26%20turn")
    check(page)
    assert "Why run, and not back/flip & turn" in page.text
    assert "What speaks for" not in page.text
    assert open_page(f"{asked}?against=BACK_FLIP_turn").text == page.text, "as tolerant as other addresses"
    unknown = visitor.get(f"{asked}?against=walking", headers={"Accept": "application/json"})
    assert (unknown.status_code, unknown.json()["near"]) == (404, ["walk"])


def test_every_class_is_offered_and_one_that_was_not_compared_can_be_asked_for(
    store: Store, asked: str, open_page: Open
) -> None:
    explain(store)
    offered = [option["value"] for option in open_page(asked).all("option")]
    first = offered.index("walk")
    assert offered[first : first + 4] == ["walk", "back/flip & turn", "wave slow", "wave fast"]
    page = open_page(f"{asked}?against=wave%20slow")
    check(page)
    assert "wave slow was not compared with run" in page.text
    assert "What speaks for run" in page.text
    assert urls.explain_clip("tiny", expected="wave slow") in page.links
    assert "was not compared" not in open_page(f"{asked}?against=run").text


def test_a_clip_that_cannot_be_read_says_why_and_can_be_sent_anew(store: Store, asked: str, open_page: Open) -> None:
    job = claim_job(store, ExplainJob)
    with store.transaction() as session:
        leases.fail(session, worker="w1", job=job, error=JobError(kind="video_unreadable", detail="It is damaged."))
    for address in (asked, f"/-/jobs/{job.id}"):
        page = open_page(address)
        check(page)
        assert "It is damaged." in page.text
        assert "Try again" not in page.text
    assert "/tiny/-/explain?expected=walk" in open_page(asked).links


@pytest.mark.parametrize(("data", "status"), [(b"<html>", 415), (b"", 422), (VIDEO + bytes(10_000), 202)])
def test_a_page_says_what_was_wrong_with_a_file(visitor: TestClient, network: object, data: bytes, status: int) -> None:
    sent = visitor.post("/-/clips", data={"network": "tiny"}, files={"file": ("a.mp4", data, "video/mp4")})
    assert sent.status_code == (303 if status == 202 else status)
    if status != 202:
        assert sent.headers["content-type"].startswith("text/html")
