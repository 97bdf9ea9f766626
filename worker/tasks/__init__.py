"""Tasks: what the worker does for each kind of job, one file a kind.

`make_tasks` gives the loop what it runs. It may import everything of the worker but worker.cli and worker.shipped.
Reading order: network_cache, progress; visualize, survey, explain, add_network.
"""

import torch

from app.store.database.engine import Store
from worker.loop import Tasks
from worker.tasks.add_network import AddNetworkTask
from worker.tasks.explain import ExplainTask
from worker.tasks.survey import SurveyTask
from worker.tasks.visualize import VisualizeTask


def make_tasks(store: Store, device: torch.device) -> Tasks:
    """Return a task for each kind of job, computing on the device."""
    return Tasks(
        visualize=VisualizeTask(store, device),
        survey=SurveyTask(store, device),
        explain=ExplainTask(store, device),
        add_network=AddNetworkTask(store),
    )
