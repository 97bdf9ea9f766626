from app.store.engine import Store
from tests.support import enqueue
from tests.web.views.conftest import Make, Open


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


def test_a_finished_job_leads_to_its_result(open_page: Open, make: Make) -> None:
    make(2, speed="free", seed=3)
    assert "/tiny/class/2?speed=free&seed=3" in open_page("/-/jobs/1").links


def test_a_failed_job_says_why(open_page: Open, failed: int) -> None:
    assert "J became NaN at step 12." in open_page(f"/-/jobs/{failed}").text
