"""Kill workers, web servers and the database while they work, and count what that costs the people who asked for work.

    python -m benchmarks.kills                    # SQLite, then PostgreSQL where its server is installed
    python -m benchmarks.kills --only sqlite --kills 5 --web-kills 1

A client posts jobs to the web server and asks again when it gets no answer, as people and programs do. Two worker
processes compute them in batches of eight; the jobs only take time. Meanwhile workers and the web server are killed
with SIGKILL at random moments and started again, and once the database is away: PostgreSQL is stopped as by a crash,
and of SQLite another process holds the lock.

It fails (exit status 1) where a job was lost (asked for, and not in the queue), doubled (two jobs or two results for
one request), stuck (still waiting or running when the workers have had time to end it) or failed.
"""

import argparse
import os
import platform
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
from sqlalchemy import func, select

from app.contract.job import JobState
from app.contract.network import Extent, Layer, NetworkCard, Stream, StreamName
from app.settings import ROOT
from app.store.catalog import networks
from app.store.database.engine import Store, open_store
from app.store.database.tables import JobRow, VisualizationRow
from benchmarks.postgres_server import PostgresServer, is_installed

UNITS_PER_POST = 5


@dataclass(frozen=True)
class Plan:
    """What is asked for, and what is broken meanwhile."""

    jobs: int = 500
    kills: int = 26  # of workers
    web_kills: int = 4
    outage: float = 6.0  # seconds without database; 0 for none
    workers: int = 2
    batch: int = 8  # jobs
    seconds_per_job: float = 0.25
    seconds_between_kills: float = 3.0  # on average
    lease: float = 2.0  # seconds
    patience: float = 120.0  # seconds for what is left when nothing is broken any more
    seed: int = 0


@dataclass(frozen=True)
class Outcome:
    """What became of the jobs."""

    lost: int
    doubled: int
    stuck: int
    failed: int
    claims: int
    deaths: int  # counted against jobs
    seconds: float

    @property
    def is_good(self) -> bool:
        return not (self.lost or self.doubled or self.stuck or self.failed)


class Process:
    """A process that is started again whenever it has been killed."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self._command, self._environment, self._log = command, environment, log
        self._start()

    def _start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, cwd=ROOT, env=self._environment, stdout=log, stderr=log)

    def kill(self) -> None:
        """Kill the process and start another."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._start()

    def end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def measure(url: str, home: Path, plan: Plan, outage: Callable[[float], None]) -> Outcome:
    """Run the plan on an empty database. `outage` takes the database away for so many seconds."""
    started = time.monotonic()
    store = open_store(url, check=False)
    store.migrate()
    card = _make_card()
    with store.transaction() as session:
        networks.add_network(session, card=card, weights=[b"none"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"KINETOSCOPE_HOME": str(home), "KINETOSCOPE_DATABASE_URL": url}
    web_command = [sys.executable, "-m", "app.cli", "web", "--port", str(port)]
    worker_command = [sys.executable, "-m", "benchmarks.kills_worker", url]
    worker_command += [str(value) for value in (plan.lease, plan.batch, plan.seconds_per_job)]
    with ExitStack() as stack:

        def start(command: list[str], name: str) -> Process:
            process = Process(command, environment, home / f"{name}.log")
            stack.callback(process.end)
            return process

        web = start(web_command, "web")
        workers = [start(worker_command, f"worker-{number}") for number in range(plan.workers)]
        posting = threading.Thread(target=_post_all, args=(f"http://127.0.0.1:{port}", card, plan))
        posting.start()
        _wait(lambda: _count(store, JobState.RUNNING) > 0, plan.patience)
        _break_things(plan, web, workers, outage)
        posting.join()
        _wait(lambda: _count(store, JobState.QUEUED, JobState.RUNNING) == 0, plan.patience)
    outcome = _judge(store, plan, started)
    store.close()
    return outcome


def _break_things(plan: Plan, web: Process, workers: list[Process], outage: Callable[[float], None]) -> None:
    chance = random.Random(plan.seed)
    breakages: list[Callable[[], None]] = [lambda: chance.choice(workers).kill() for _ in range(plan.kills)]
    breakages += [web.kill for _ in range(plan.web_kills)]
    chance.shuffle(breakages)
    if plan.outage:
        breakages.insert(len(breakages) // 2, lambda: outage(plan.outage))
    for breakage in breakages:
        time.sleep(chance.uniform(0.5, 1.5) * plan.seconds_between_kills)
        breakage()


def _post_all(address: str, card: NetworkCard, plan: Plan) -> None:
    """Ask for all jobs, over half of the time that workers are killed in; ask again whatever gets no answer."""
    posts = plan.jobs // UNITS_PER_POST
    pause = plan.kills * plan.seconds_between_kills / 2 / posts
    with httpx2.Client(base_url=address, timeout=30) as client:
        for seed in range(posts):
            units = list(range(UNITS_PER_POST))
            body = {"network": card.slug, "layer": "class", "units": units, "recipe": {"seed": seed}}
            while True:
                try:
                    if client.post("/api/visualizations", json=body).status_code in (200, 202):
                        break
                except httpx2.TransportError:
                    pass
                time.sleep(0.2)
            time.sleep(pause)


def _count(store: Store, *states: JobState) -> int:
    with store.session() as session:
        return session.scalar(select(func.count()).select_from(JobRow).where(JobRow.state.in_(states))) or 0


def _wait(condition: Callable[[], bool], seconds: float) -> None:
    """Wait until a condition holds, but no longer than so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)


def _judge(store: Store, plan: Plan, started: float) -> Outcome:
    with store.session() as session:
        rows = session.execute(select(JobRow.key, JobRow.state, JobRow.attempts, JobRow.deaths)).all()
        results = session.scalar(select(func.count()).select_from(VisualizationRow)) or 0
    done = sum(row.state == JobState.DONE for row in rows)
    keys = {row.key for row in rows}
    return Outcome(
        lost=plan.jobs - len(keys),
        doubled=len(rows) - len(keys) + abs(results - done),
        stuck=sum(JobState(row.state).is_live for row in rows),
        failed=sum(row.state == JobState.FAILED for row in rows),
        claims=sum(row.attempts for row in rows),
        deaths=sum(row.deaths for row in rows),
        seconds=time.monotonic() - started,
    )


def _make_card() -> NetworkCard:
    place = Extent(frames=1, height=1, width=1)
    classes = tuple(f"class {index}" for index in range(UNITS_PER_POST))
    layer = Layer(index=0, name="class", stream="appearance", units=len(classes), map=place, receptive_field=place)
    return NetworkCard(
        slug="sleeping",
        title="Sleeping",
        family="sleeping",
        checksum="0" * 64,
        streams=(Stream(name=StreamName.APPEARANCE, frames=1, height=32, width=32),),
        layers=(layer,),
        classes=classes,
        parameters=0,
        stimulus=Extent(frames=1, height=32, width=32),
    )


def measure_on_sqlite(plan: Plan) -> Outcome:
    """Run the plan on SQLite; for the outage another connection holds the lock."""
    with tempfile.TemporaryDirectory(prefix="kinetoscope-kills-") as folder:
        home = Path(folder)
        url = f"sqlite:///{home / 'kinetoscope.db'}"

        def lock(seconds: float) -> None:
            store = open_store(url)
            with store.transaction():
                time.sleep(seconds)
            store.close()

        return measure(url, home, plan, lock)


def measure_on_postgresql(plan: Plan) -> Outcome:
    """Run the plan on a PostgreSQL server, which is stopped as by a crash."""
    with tempfile.TemporaryDirectory(prefix="kinetoscope-kills-") as folder:
        data, home = Path(folder) / "postgres", Path(folder) / "home"
        Path(folder).chmod(0o755)
        for each in (data, home):
            each.mkdir()
        with _running(PostgresServer(data)) as server:

            def stop(seconds: float) -> None:
                server.stop()
                time.sleep(seconds)
                server.start()

            server.create_database("kills")
            return measure(f"{server.url}/kills", home, plan, stop)


@contextmanager
def _running(server: PostgresServer) -> Iterator[PostgresServer]:
    server.start()
    try:
        yield server
    finally:
        server.stop()


def main() -> None:
    plan = Plan()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["sqlite", "postgresql"], help="one of the two databases")
    parser.add_argument("--jobs", type=int, default=plan.jobs)
    parser.add_argument("--kills", type=int, default=plan.kills, help="of workers")
    parser.add_argument("--web-kills", type=int, default=plan.web_kills, help="of the web server")
    parser.add_argument("--batch", type=int, default=plan.batch, help="jobs")
    parser.add_argument("--outage", type=float, default=plan.outage, help="seconds without database")
    parser.add_argument("--seed", type=int, default=plan.seed, help="of the moments")
    options = parser.parse_args()
    plan = Plan(
        jobs=options.jobs,
        kills=options.kills,
        web_kills=options.web_kills,
        outage=options.outage,
        batch=options.batch,
        seed=options.seed,
    )
    databases = {"sqlite": measure_on_sqlite, "postgresql": measure_on_postgresql}
    if not is_installed():
        del databases["postgresql"]
    print(f"{platform.machine()}, {os.cpu_count()} cores; {plan}")
    print("| database | lost | doubled | stuck | failed | claims | deaths counted | seconds |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    is_good = True
    for name, measure_on in databases.items():
        if options.only in (None, name):
            outcome = measure_on(plan)
            is_good &= outcome.is_good
            cells = (outcome.lost, outcome.doubled, outcome.stuck, outcome.failed, outcome.claims, outcome.deaths)
            print(f"| {name} | {' | '.join(map(str, cells))} | {outcome.seconds:.0f} |", flush=True)
    raise SystemExit(not is_good)


if __name__ == "__main__":
    main()
