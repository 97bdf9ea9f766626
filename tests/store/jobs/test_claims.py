import subprocess
import sys
from pathlib import Path

from app.store.catalog import networks
from app.store.database.engine import Store
from tests.support import add_card, enqueue, two_stream_card


def test_two_processes_claim_every_job_once(database_url: str, store: Store) -> None:
    """Real processes on one queue: each job is finished exactly once."""
    add_card(store, two_stream_card())
    for seed in range(12):
        enqueue(store, 0, 1, 2, 3, 4, seed=seed)
    program = (
        "import sys; from app.store.database.engine import open_store; from tests.support import claim, finish\n"
        "store = open_store(sys.argv[1]); done = 0\n"
        "while batch := claim(store, worker=sys.argv[2], limit=2):\n"
        "    done += sum(finish(store, job, worker=sys.argv[2]) is not None for job in batch)\n"
        "print(done)"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, database_url, f"w{number}"],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[3],
        )
        for number in range(2)
    ]
    done = [int(process.communicate(timeout=60)[0]) for process in processes]
    assert sum(done) == 60
    with store.session() as session:
        assert networks.get_network(session, slug="tiny").visualizations == 60
