"""The web server: pages for people, a JSON API for programs, and what both need to hold under load.

Enter at main.py, which puts the application together; server.py serves it. May import app.store, app.analysis,
app.contract and app.settings. Read main.py, deps.py (what endpoints ask for), admission.py (who may use the database
when), errors.py, then views/ (pages), api/ (JSON) and middleware/; urls.py builds every link.
"""
