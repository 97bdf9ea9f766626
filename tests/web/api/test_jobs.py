from fastapi.testclient import TestClient

from app.contract.job import JobError
from app.store.database.engine import Store
from app.store.jobs import leases
from tests.support import claim, enqueue


def test_lists_by_state_and_network(client: TestClient, store: Store) -> None:
    enqueue(store, 0, 1)
    [running] = claim(store)
    body = client.get("/api/jobs").json()
    assert [job["state"] for job in body["items"]] == ["running", "queued"]
    listed = client.get("/api/jobs", params={"state": "running", "network": "tiny"}).json()
    assert [job["id"] for job in listed["items"]] == [running.id]
    assert client.get("/api/jobs", params={"network": "clips"}).json()["total"] == 0
    assert client.get("/api/jobs", params={"per_page": 1}).json()["next"] == 2
    assert client.get("/api/jobs", params={"network": "none"}).status_code == 404
    assert client.get("/api/jobs", params={"state": "lost"}).status_code == 422


def test_a_job_that_waits_is_cancelled_at_once_and_can_be_retried(client: TestClient, store: Store) -> None:
    [job] = enqueue(store, 0)
    href = f"/api/jobs/{job.id}"
    assert client.delete(href).json()["state"] == "cancelled"
    again = client.delete(href)
    assert (again.status_code, again.json()["error"]) == (409, "conflict")
    assert client.post(f"{href}/retry").json()["state"] == "queued"
    assert client.post(f"{href}/retry").status_code == 409
    assert client.get(href).json()["state"] == "queued"


def test_a_running_job_is_flagged(client: TestClient, store: Store) -> None:
    enqueue(store, 0)
    [job] = claim(store)
    body = client.delete(f"/api/jobs/{job.id}").json()
    assert (body["state"], body["cancel_requested"]) == ("running", True)


def test_a_failed_job_says_why(client: TestClient, store: Store) -> None:
    enqueue(store, 0)
    [job] = claim(store)
    with store.transaction() as session:
        leases.fail(session, worker="w1", job=job, error=JobError(kind="not_finite", detail="J is NaN."))
    body = client.get(f"/api/jobs/{job.id}").json()
    assert body["error"] == {"kind": "not_finite", "detail": "J is NaN."}


def test_unknown_jobs(client: TestClient) -> None:
    for answer in (
        client.get("/api/jobs/9"),
        client.delete("/api/jobs/9"),
        client.post("/api/jobs/9/retry"),
        client.get("/-/jobs/9/preview.webp"),
    ):
        assert (answer.status_code, answer.json()["error"]) == (404, "missing")
    assert client.get("/api/jobs/nine").status_code == 422
    assert client.get(f"/api/jobs/{10**30}").status_code == 422
