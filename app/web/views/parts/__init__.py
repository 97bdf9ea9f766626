"""What several pages are made of: layout, players, recipes, evidence panels, filters, links.

The pages in app.web.views import it, never the other way round. May import what a view may. Read layout.py first, then
stimulus.py and unit_evidence.py, which fill the page of a unit.
"""
