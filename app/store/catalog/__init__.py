"""The catalogue: networks, their units, and the explorer that filters, sorts, counts and maps them.

Enter by `networks.get_card`, whose card the other functions take, and by `search.search_units`.
May import `app.contract`, `app.analysis`, and of the store `database` and `media`.
Read in this order: networks.py, dictionaries.py, units.py, card_match.py, filters.py, selection.py, facets.py,
sorting.py, search.py, then the rest.
"""
