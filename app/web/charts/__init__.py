"""Charts as coordinates, which templates draw as SVG: pages may have no inline styles.

Every module has frozen dataclasses and the function that computes them from measured values. Charts may import
app.contract and app.web.urls, nothing else of the web application. Start with line_chart.py.
"""
