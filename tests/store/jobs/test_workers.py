from app.store.database.engine import Store
from app.store.jobs import workers


def test_workers_are_listed_until_they_leave(store: Store) -> None:
    with store.transaction() as session:
        for _ in range(2):
            workers.record_worker(session, worker="w1", host="here", pid=1, device="cpu")
        assert [(worker.id, worker.alive) for worker in workers.list_workers(session)] == [("w1", True)]
        assert workers.any_alive(session)
        workers.remove_worker(session, worker="w1")
        assert workers.list_workers(session) == []
        assert not workers.any_alive(session)
