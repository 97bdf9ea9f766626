from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.settings import Settings
from app.store.database.engine import Store, open_store
from app.store.jobs import workers
from app.web.main import create_app
from tests.web.conftest import ORIGIN


def test_says_who_works_and_what_waits(client: TestClient, store: Store) -> None:
    with store.transaction() as session:
        workers.record_heartbeat(session, worker="w1", host="box", pid=7, device="cpu")
    client.post("/api/visualizations", json={"network": "tiny", "layer": "class", "units": [0, 1]})
    body = client.get("/api/health").json()
    assert body["status"] == "ok"
    assert body["database"] == "sqlite"
    assert [(worker["id"], worker["alive"]) for worker in body["workers"]] == [("w1", True)]
    assert body["jobs"] == {"queued": 2, "running": 0, "done": 0, "failed": 0, "cancelled": 0}


def test_says_degraded_where_nobody_works(client: TestClient, store: Store) -> None:
    def answer() -> tuple[int, str, str]:
        answer = client.get("/api/health")
        return answer.status_code, answer.json()["status"], answer.json()["detail"][:24]

    assert answer() == (200, "degraded", "No worker is running: jo")
    with store.transaction() as session:
        workers.record_heartbeat(session, worker="w1", host="box", pid=7, device="cpu", paused="disk_full")
    assert answer() == (200, "degraded", "All workers are paused (")
    with store.transaction() as session:
        workers.record_heartbeat(session, worker="w2", host="box", pid=8, device="cpu")
    assert answer() == (200, "ok", "")


def test_a_database_that_loses_its_tables_is_unavailable(settings: Settings) -> None:
    store = open_store(f"sqlite:///{settings.home / 'empty.db'}", check=False)
    app: FastAPI = create_app(settings, store)
    with TestClient(app, base_url=ORIGIN) as client:
        answer = client.get("/api/health")
    store.close()
    assert answer.status_code == 503
    assert answer.json()["error"] == "database_not_migrated"
    assert "kinetoscope db upgrade" in answer.json()["detail"]
