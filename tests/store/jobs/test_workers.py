from datetime import UTC, datetime, timedelta

import pytest

from app.store.database.engine import Store, open_store
from app.store.jobs import workers


def test_workers_are_listed_until_they_leave(store: Store) -> None:
    with store.transaction() as session:
        for _ in range(2):
            workers.record_heartbeat(session, worker="w1", host="here", pid=1, device="cpu")
        assert [(worker.id, worker.alive) for worker in workers.list_workers(session)] == [("w1", True)]
        assert workers.any_alive(session)
        workers.remove_worker(session, worker="w1")
        assert workers.list_workers(session) == []
        assert not workers.any_alive(session)


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_clock_that_jumps_shows_no_dead_worker_as_alive_and_a_live_one_after_its_next_heartbeat(
    store: Store, jump: timedelta
) -> None:
    def beat(store: Store) -> None:
        with store.transaction() as session:
            workers.record_heartbeat(session, worker="w1", host="here", pid=1, device="cpu")

    beat(store)
    url = store.engine.url.render_as_string(hide_password=False)
    shifted = open_store(url, clock=lambda: datetime.now(UTC) + jump)
    with shifted.session() as session:
        assert not workers.any_alive(session)
    beat(shifted)
    with shifted.session() as session:
        assert workers.any_alive(session)
        assert [worker.alive for worker in workers.list_workers(session)] == [True]
    shifted.close()
