"""Starts the whole dashboard on one machine: builds the front end, then runs web server and worker.

Enter at `frontend_build.build_frontend` and `supervise.supervise`, which `app.cli` calls.
May import `app.contract` and `app.settings`. Read `frontend_build`, then `supervise`.
"""
