"""The HTML pages: one module per page, with the frozen object that the page's template is given.

Enter at routers.py, which lists the pages in the order in which they are matched. Views may import app.store,
app.analysis, app.contract and the rest of app.web. What several pages share is in parts/. Read parts/layout.py first
(what surrounds every page), then networks.py (a short page from address to template), then unit.py (the richest one).
"""
