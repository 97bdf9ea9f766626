"""The web application: pages for people and a JSON API for programs.

Enter at main.py, which puts the application together. May import app.store, app.analysis, app.contract and
app.settings. Read main.py, deps.py (the dependencies of endpoints), errors.py and urls.py (the address of every page),
then the rooms: views/ (pages, rendered by render.py), api/ (JSON), requests/ (what a request brings, read and checked),
middleware/, charts/, and serving/ (the server, and what it holds under load).
"""
