"""Jobs: people ask for work and watch it, workers claim it under a lease and finish it.

Enter by `requests.enqueue` and `listing.list_jobs` on the web's side, and by `leases.claim` on the worker's.
May import `app.contract`, and of the store `database`, `media`, `catalog`, `datasets` and `results`.
Read in this order: rows.py, ordering.py, listing.py, requesters.py, requests.py, queue.py, newest_survey.py, leases.py,
workers.py, deaths.py, estimates.py.
"""
