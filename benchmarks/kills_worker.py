"""A worker process whose jobs only take time, for benchmarks.kills: the loop and its heartbeat are the real ones.

python -m benchmarks.kills_worker URL LEASE_SECONDS BATCH SECONDS_PER_JOB
"""

import logging
import signal
import sys
import time
from collections.abc import Sequence
from datetime import timedelta

from app.contract.job import BaseJob, Progress, VisualizeJob
from app.contract.result import Measurements, MediaRole, RenderedMedia
from app.store.database.engine import open_store
from worker.job_context import JobContext
from worker.loop import Tasks, WorkerLoop

STEPS = 10
MEASUREMENTS = Measurements(
    activation=1.0, objective=1.0, probability=None, motion_energy={}, noise={}, trace=(), seconds=0.0, device="none"
)


def main(url: str, lease: float, batch: int, seconds_per_job: float) -> None:
    logging.basicConfig(level="INFO", format="%(asctime)s %(message)s")

    def work(jobs: Sequence[VisualizeJob], context: JobContext) -> None:
        left = {job.id: job for job in jobs}
        for step in range(1, STEPS + 1):
            time.sleep(len(jobs) * seconds_per_job / STEPS)
            for id in context.report({id: Progress(step=step, steps=STEPS) for id in left}, {}):
                del left[id]
        for job in left.values():
            poster = RenderedMedia(role=MediaRole.POSTER, type="image/webp", data=f"job {job.id}".encode())
            context.finish_visualization(job, MEASUREMENTS, [poster])

    def unexpected(jobs: Sequence[BaseJob], context: JobContext) -> None:
        raise AssertionError("only visualizations are asked for here")

    tasks = Tasks(work, unexpected, unexpected, unexpected)
    loop = WorkerLoop(open_store(url), tasks, "none", batch=batch, lease=timedelta(seconds=lease))
    signal.signal(signal.SIGTERM, lambda *_: loop.stop.set())
    loop.run()


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
