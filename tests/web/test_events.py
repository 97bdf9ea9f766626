"""The stream of changes, partly with a real server: its answer never ends, so a client must be able to disconnect."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from app.contract.job import Job, JobState, Progress
from app.contract.network import NetworkCard
from app.store.database.engine import Store
from app.store.jobs import leases, listing, queue, requests
from app.web.api.events import parse_event_id
from app.web.events import Change, ChangesPage, Events, Subscription
from app.web.http_errors import Busy
from tests.support import add_card, card_of_units, claim, enqueue, finish, request

SERVE = """
import uvicorn
from app.settings import Settings
from app.web.main import create_app
settings = Settings()
uvicorn.run(create_app(settings), host=settings.host, port=settings.port, log_level="warning")
"""


@dataclass
class Server:
    address: str
    process: subprocess.Popen[bytes]

    @contextmanager
    def stream(self, query: str = "", headers: dict[str, str] | None = None) -> Iterator[Iterator[str]]:
        """Yield the lines with data and with ids, as they come."""
        with httpx2.stream("GET", f"{self.address}/api/events{query}", headers=headers, timeout=10) as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert "content-encoding" not in answer.headers
            yield (line for line in answer.iter_lines() if line.startswith(("data: ", "id: ")))

    @contextmanager
    def listen(self, query: str = "", headers: dict[str, str] | None = None) -> Iterator[Iterator[dict[str, Any]]]:
        """Yield the data of each event, as it comes."""
        with self.stream(query, headers) as lines:
            yield (json.loads(line[6:]) for line in lines if line.startswith("data: "))


@pytest.fixture
def server(network: NetworkCard, sqlite_url: str) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "KINETOSCOPE_DATABASE_URL": sqlite_url, "KINETOSCOPE_PORT": str(port)}
    process = subprocess.Popen([sys.executable, "-c", SERVE], env=environment)
    server = Server(f"http://127.0.0.1:{port}", process)
    try:
        wait_for(server)
        yield server
    finally:
        process.kill()
        process.wait()


def wait_for(server: Server) -> None:
    for _ in range(1200):
        try:
            httpx2.get(f"{server.address}/api/health").raise_for_status()
            return
        except httpx2.TransportError:
            assert server.process.poll() is None, "the server ended at its start"
            time.sleep(0.05)
    pytest.fail("the server did not answer in a minute")


def test_a_reader_sees_a_job_from_click_to_result(server: Server, store: Store) -> None:
    [waiting] = enqueue(store, 3)
    with server.listen("?network=tiny") as events:
        first = next(events)
        assert (first["id"], first["state"]) == (waiting.id, "queued")
        assert first["href"] == f"/api/jobs/{waiting.id}"

        [running] = claim(store)
        assert next(events)["state"] == "running"

        with store.transaction() as session:
            leases.save_progress(
                session,
                worker="w1",
                progress={running.id: Progress(step=4, steps=72, trace=(0.5,))},
            )
        assert next(events)["progress"]["step"] == 4

        result = finish(store, running)
        last = next(events)
        assert (last["state"], last["result"]) == ("done", f"/api/visualizations/{result}")


def test_a_reader_of_one_job_hears_of_no_other(server: Server, store: Store) -> None:
    other, wanted = enqueue(store, 0, 1)
    with store.transaction() as session:
        requests.cancel(session, job_id=wanted.id)
    with server.listen(f"?job={wanted.id}") as events:
        assert next(events)["state"] == "cancelled"  # a finished job too: its page may come late
        with store.transaction() as session:
            requests.cancel(session, job_id=other.id)
            requests.retry(session, job_id=wanted.id)
        heard = next(events)
        assert (heard["id"], heard["state"]) == (wanted.id, "queued")


def test_the_server_stops_at_once_with_streams_open(server: Server, store: Store) -> None:
    enqueue(store, 0)
    with server.listen() as events:
        next(events)
        started = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert list(events) == []  # the stream ends, unbroken
    server.process.wait(timeout=10)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(("query", "status"), [("?job=99", 404), ("?network=none", 404), ("?job=x", 422)])
def test_a_wrong_filter_is_an_error_before_the_stream(client: Any, query: str, status: int) -> None:
    answer = client.get(f"/api/events{query}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"


async def read(subscription: Subscription, count: int) -> list[Job]:
    jobs: list[Job] = []
    async for change in subscription.changes():
        jobs.append(change.job)
        if len(jobs) == count:
            break
    return jobs


async def read_to_the_end_of_all(subscription: Subscription, jobs: int) -> int:
    """Read until this many jobs are cancelled; return the number of events."""
    states: dict[int, JobState] = {}
    events = 0
    async for change in subscription.changes():
        events += 1
        states[change.job.id] = change.job.state
        if list(states.values()).count(JobState.CANCELLED) == jobs:
            break
    return events


async def nothing_missed(since: datetime, after_id: int) -> ChangesPage:
    return [], None


def change(job: Job, **fields: object) -> Change:
    return Change(job.model_copy(update=fields), datetime.now(UTC))


def test_a_slow_reader_gets_the_newest_state_of_each_job(store: Store, network: NetworkCard) -> None:
    first, second = enqueue(store, 0, 1)

    async def check() -> None:
        subscription = Subscription(nothing_missed)
        subscription.offer(change(first, revision=3))
        subscription.offer(change(second))
        subscription.offer(change(first, revision=4))
        subscription.offer(change(first, revision=2))  # a late look at an older state
        jobs = await asyncio.wait_for(read(subscription, 2), 5)
        assert [(job.id, job.revision) for job in jobs] == [(second.id, second.revision), (first.id, 4)]
        subscription.offer(change(first, revision=4))  # nothing new
        subscription.offer(change(second, revision=9))
        [newer] = await asyncio.wait_for(read(subscription, 1), 5)
        assert (newer.id, newer.revision) == (second.id, 9)

    asyncio.run(check())


def test_no_change_of_thousands_at_once_is_lost(store: Store, network: NetworkCard) -> None:
    """Not to a reader that listens, to one that is slower than the changes come, nor to one that comes back."""
    jobs = 5_000
    add_card(store, card_of_units("wide", jobs))

    def cancel_all() -> None:
        with store.transaction() as session:
            queue.cancel_sweep(session, job_id=requested[0].id)

    async def check() -> None:
        events = Events(store, poll_seconds=0.01, max_pending=1_000)
        async with events.running():
            with events.subscribe(network="wide") as listening, events.subscribe(network="tiny") as other:
                reading = asyncio.create_task(read_to_the_end_of_all(listening, jobs))
                await asyncio.to_thread(cancel_all)
                assert await asyncio.wait_for(reading, 30) <= 2 * jobs
                with events.subscribe(network="wide", missed_since=before) as back:
                    assert await asyncio.wait_for(read_to_the_end_of_all(back, jobs), 30) == jobs
                [job] = await asyncio.to_thread(enqueue, store, 0)
                assert [each.id for each in await asyncio.wait_for(read(other, 1), 5)] == [job.id]

    requested = enqueue(store, *range(jobs), network="wide", layer="fc6")
    before = datetime.now(UTC)
    asyncio.run(check())


def test_a_change_is_dated_when_others_see_it(store: Store, network: NetworkCard) -> None:
    """Else a request that takes longer than the poller looks back would never be heard of."""
    with store.transaction() as session:
        job = requests.enqueue(session, request=request(1)).jobs[0]
        time.sleep(0.6)
        moment = datetime.now(UTC)
    with store.session() as session:
        assert listing.changed_revisions(session, since=moment) == {job.id: job.revision}


def test_a_reader_that_comes_back_hears_what_it_has_missed(server: Server, store: Store) -> None:
    first, second = enqueue(store, 0, 1)
    with server.stream("?network=tiny") as lines:
        last_id = next(line for line in lines if line.startswith("id: "))
    with store.transaction() as session:
        requests.cancel(session, job_id=first.id)
    claimed = claim(store)
    finish(store, claimed[0])
    with server.listen("?network=tiny", {"Last-Event-ID": last_id.removeprefix("id: ")}) as events:
        states: dict[int, str] = {}
        while set(states.values()) != {"cancelled", "done"}:
            event = next(events)
            states[event["id"]] = event["state"]
    assert states == {first.id: "cancelled", second.id: "done"}


@pytest.mark.parametrize("id", ["", "12-3", "x", "1-1-99999999999999999999"])
def test_an_id_without_a_time_is_that_of_a_new_reader(id: str) -> None:
    assert parse_event_id(id) is None


def test_nobody_listens_and_nobody_looks(store: Store, network: NetworkCard) -> None:
    class Counting(Events):
        looks = 0

        def _changes(self, look_back_to: datetime | None) -> tuple[datetime, datetime, dict[int, int]]:
            self.looks += 1
            return super()._changes(look_back_to)

    async def check() -> None:
        events = Counting(store, poll_seconds=0.01)
        async with events.running():
            await asyncio.sleep(0.1)
            assert events.looks == 0
            with events.subscribe() as subscription:
                [job] = await asyncio.to_thread(enqueue, store, 0)
                assert [changed.id for changed in await asyncio.wait_for(read(subscription, 1), 5)] == [job.id]
            await asyncio.sleep(0.1)
            looks = events.looks
            await asyncio.sleep(0.1)
            assert events.looks == looks

    asyncio.run(check())


def test_a_change_is_told_once(store: Store, network: NetworkCard) -> None:
    async def check() -> None:
        events = Events(store, poll_seconds=0.01)
        async with events.running():
            with events.subscribe() as subscription:
                await asyncio.to_thread(enqueue, store, 0)
                await asyncio.wait_for(read(subscription, 1), 5)
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(read(subscription, 1), 0.3)

    asyncio.run(check())


def test_events_go_on_after_the_database_was_away(
    store: Store, network: NetworkCard, caplog: pytest.LogCaptureFixture
) -> None:
    with store.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE jobs RENAME TO gone")

    async def check() -> None:
        events = Events(store, poll_seconds=0.01, retry_seconds=0.05)
        async with events.running():
            with events.subscribe() as subscription:
                await asyncio.sleep(0.2)
                with store.engine.begin() as connection:
                    connection.exec_driver_sql("ALTER TABLE gone RENAME TO jobs")
                await asyncio.to_thread(enqueue, store, 0)
                await asyncio.wait_for(read(subscription, 1), 5)

    asyncio.run(check())
    assert "Events wait for the database" in caplog.text


def test_the_number_of_readers_is_bounded(store: Store) -> None:
    async def check() -> None:
        events = Events(store, max_subscriptions=1)
        with events.subscribe(), pytest.raises(Busy), events.subscribe():
            pytest.fail("two readers")
        with events.subscribe():
            pass

    asyncio.run(check())
