"""The HTML pages: one module for each page, with its routes and the frozen dataclass that its template renders.

Enter at routers.py, which lists the pages in the order in which addresses are matched. May import app.store,
app.analysis, app.contract and the rest of app.web. What several pages share is in parts/. Read parts/layout.py (the
frame of every page), networks.py (a short page from address to template), then unit.py (the richest page).
"""
