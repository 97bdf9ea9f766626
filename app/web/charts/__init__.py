"""Charts: computes coordinates, which templates draw as SVG, because pages may have no inline styles.

Every module has frozen dataclasses and the function that computes them from measured values: enter there. May import
app.contract and app.web.urls, nothing else of the web application. Read line_chart.py first, map_drawing.py last.
"""
