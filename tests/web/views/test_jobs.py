from fastapi.testclient import TestClient

from app.store.database.engine import Store
from app.store.jobs import requests, workers
from tests.support import claim, die, enqueue, request
from tests.web.views.conftest import Make, Open

MANY = {"network": "clips", "layer": "Mixed_4f"}  # of 70 units


def test_the_queue_counts_states_and_filters(
    open_page: Open, store: Store, make: Make, running: int, failed: int, cancelled: int
) -> None:
    enqueue(store, 0)
    page = open_page("/-/jobs")
    assert len(page.all("job-progress")) == 4
    filters = {"/-/jobs?state=queued", "/-/jobs?state=running", "/-/jobs?state=failed", "/-/jobs?state=cancelled"}
    assert filters <= set(page.links)
    only = open_page("/-/jobs?state=failed")
    assert [each["job"] for each in only.all("job-progress")] == [str(failed)]
    assert "J became NaN at step 12." in only.text


def test_an_empty_queue_says_what_to_do(open_page: Open) -> None:
    assert "The queue is empty." in open_page("/-/jobs").text
    assert "No job is running." in open_page("/-/jobs?state=running").text


def test_a_running_job_has_everything_that_grows(open_page: Open, running: int) -> None:
    page = open_page(f"/-/jobs/{running}")
    assert "step 31 of 72, 7 s left" in page.text
    assert page.all("polyline")[0]["points"].count(",") == 3
    assert page.form("Cancel").action == f"/-/jobs/{running}/cancel"


def test_a_sweep_can_be_stopped_from_one_of_its_jobs(
    visitor: TestClient, open_page: Open, store: Store, running: int
) -> None:
    assert all(
        "sweep" not in form.fields and "Stop" not in form.button_text for form in open_page(f"/-/jobs/{running}").forms
    )
    enqueue(store, 3, 4)
    form = open_page(f"/-/jobs/{running}").form("Stop this and 2 others of class that wait")
    visitor.post(form.action, data={**form.fields, "sweep": "1"})
    assert "No job is queued." in open_page("/-/jobs?state=queued").text


def test_a_finished_job_leads_to_its_result(open_page: Open, make: Make) -> None:
    make(2, speed="free", seed=3)
    assert "/tiny/class/2?speed=free&seed=3" in open_page("/-/jobs/1").links


def test_a_failed_job_says_why(open_page: Open, failed: int) -> None:
    assert "J became NaN at step 12." in open_page(f"/-/jobs/{failed}").text


def test_pages_say_whether_somebody_works(open_page: Open, store: Store, running: int) -> None:
    def told(address: str) -> list[bool]:
        text = open_page(address).text
        return [note in text for note in ("No worker is running", "All workers are paused: the disk is full.")]

    for worker, paused, expected in (
        (None, None, [True, False]),
        ("w1", "disk_full", [False, True]),
        ("w2", None, [False, False]),
    ):
        if worker is not None:
            with store.transaction() as session:
                workers.record_heartbeat(session, worker=worker, host="box", pid=7, device="cpu", paused=paused)
        assert told("/-/jobs") == told(f"/-/jobs/{running}") == expected


def test_a_job_says_what_the_deaths_of_its_workers_mean(open_page: Open, store: Store, running: int) -> None:
    assert "died" not in open_page(f"/-/jobs/{running}").text
    die(store)
    assert "The worker died once while it computed this job alone." in open_page(f"/-/jobs/{running}").text
    others = enqueue(store, 2, 3, 4)
    claim(store, worker="w2")
    claim(store, limit=3)
    die(store)
    assert "tried again in batches of 1 at most" in open_page(f"/-/jobs/{others[0].id}").text


def test_a_browser_finds_its_own_work_again(visitor: TestClient, open_page: Open, store: Store) -> None:
    assert "This browser has not asked for anything yet." in open_page("/-/jobs?mine=1").text
    enqueue(store, 0)  # somebody else's
    visitor.post("/-/visualize", data={"network": "tiny", "layer": "class", "units": "1"})
    assert len(open_page("/-/jobs").all("job-progress")) == 2
    mine = open_page("/-/jobs?mine=1")
    assert "run" in mine.text
    assert len(mine.all("job-progress")) == 1
    cookie = next(each for each in visitor.cookies.jar if each.name == "kinetoscope_owner")
    assert cookie.has_nonstandard_attr("HttpOnly")
    visitor.cookies.clear()
    assert open_page("/-/jobs?mine=1").all("job-progress") == []


def test_what_waits_is_moved_to_the_front(visitor: TestClient, open_page: Open, store: Store) -> None:
    jobs = [enqueue(store, unit)[0].id for unit in (0, 1)]
    form = next(form for form in open_page("/-/jobs").forms if form.action == f"/-/jobs/{jobs[1]}/order")
    answer = visitor.post(form.action, data={**form.fields, "to": "first"})
    assert answer.headers["location"] == "/-/jobs"
    order = [each["job"] for each in open_page("/-/jobs").all("job-progress")]
    assert order == [str(jobs[1]), str(jobs[0])]
    assert visitor.post(f"/api/jobs/{jobs[1]}/order", json={"to": "last"}).json()["id"] == jobs[1]
    assert [each["job"] for each in open_page("/-/jobs").all("job-progress")] == [str(jobs[0]), str(jobs[1])]


def test_pages_go_on_from_the_jobs_beside_them(open_page: Open, client: TestClient, store: Store) -> None:
    with store.transaction() as session:
        for seed in range(2):
            for job in requests.enqueue(session, request=request(*range(70), **MANY, seed=seed)).jobs:
                requests.cancel(session, job_id=job.id)

    def leads(address: str, rel: str) -> str:
        return next(link["href"] for link in open_page(address).all("a") if link.get("rel") == rel)

    def shown(address: str) -> list[str]:
        return [each["job"] for each in open_page(address).all("job-progress")]

    pages, address = [], "/-/jobs"
    for _ in range(2):
        pages.append(shown(address))
        address = leads(address, "next")
        assert "after=" in address
    pages.append(shown(address))
    assert [len(page) for page in pages] == [50, 50, 40]
    assert len({job for page in pages for job in page}) == 140
    back = leads(address, "prev")
    assert "page=2" in back
    assert "before=" in back
    assert shown(back) == pages[1]
    assert leads(back, "prev") == "/-/jobs"
    answer = client.get("/-/jobs?page=2&after=nowhere")
    assert (answer.status_code, answer.json()["error"]) == (422, "invalid_request")
