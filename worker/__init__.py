"""The worker: everything that computes. It imports app.contract, app.store and app.settings, and nothing of the web.

Enter at `cli/main.py` (commands), or at `loop.py` (claims jobs) and `tasks/` (what is done for each kind of job).
Rooms, each importing only those after it: cli and notebook, shipped, tasks, survey, mocap and sources, evidence,
maximize, networks, graph, render, video. `devices.py` chooses where to compute; `job_context.py`, `heartbeat.py` and
`batch_size.py` belong to the loop.
"""
