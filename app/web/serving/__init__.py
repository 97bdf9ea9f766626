"""Serves the application, and keeps it answering under load: slow clients, many clients, full logs, stop signals.

Enter at `serve` in server.py. May import app.web.http_errors and nothing else of the application. Read server.py,
connections.py (limits of each connection), admission.py (how many requests use the database at once), shutdown.py,
log_filter.py, and rate_limit.py (how often one client may do something).
"""
