"""One file per kind of job; `make_tasks` gives the loop what it runs."""

import torch

from app.store.database.engine import Store
from worker.loop import Tasks
from worker.tasks.explain import Explain
from worker.tasks.survey import Survey
from worker.tasks.visualize import Visualize


def make_tasks(store: Store, device: torch.device) -> Tasks:
    return Tasks(visualize=Visualize(store, device), survey=Survey(store, device), explain=Explain(store, device))
