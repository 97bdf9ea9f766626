"""Parts that several pages share: layout, players, recipes, evidence panels, filters, links.

Enter at layout.py. May import what a view may, but no page: pages import the parts. Read layout.py and navigation.py,
then stimulus.py and unit_evidence.py, which fill the page of a unit.
"""
