"""One file per kind of job; `make_tasks` gives the loop what it runs."""

from collections.abc import Mapping

import torch

from app.contract.job import JobKind
from app.store.database.engine import Store
from worker.loop import Task
from worker.tasks.explain import Explain
from worker.tasks.survey import Survey
from worker.tasks.visualize import Visualize


def make_tasks(store: Store, device: torch.device) -> Mapping[JobKind, Task]:
    return {
        JobKind.VISUALIZE: Visualize(store, device),
        JobKind.SURVEY: Survey(store, device),
        JobKind.EXPLAIN: Explain(store, device),
    }
