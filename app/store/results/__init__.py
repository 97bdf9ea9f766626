"""Results: finished visualizations, the recipes that made them, and short links to views.

Enter by `visualizations` to find results, and by `links` to save views.
May import `app.contract`, and of the store `database`, `media` and `catalog`.
Read in this order: recipes.py, visualizations.py, links.py.
"""
