"""A made-up catalogue with a million units, and the time that the application takes for each kind of page on it.

Enter by __main__.py: `python -m benchmarks.catalog fill` and `pages`. May import `app`, and no worker.
Read in this order: networks.py, sink.py, fill.py, evidence.py, pages.py, measure.py.
"""
