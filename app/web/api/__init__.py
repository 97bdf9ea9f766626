"""The JSON API: one file for each noun, with its endpoints and what they answer, and the bytes that answers point to.

Enter at `routers` below. May import app.store, app.analysis, app.contract and the rest of app.web. Read jobs.py (a
short noun from path to answer), then error_bodies.py, parameters.py, and units.py, which holds most of the others.
"""

from app.web.api import (
    clips,
    confusions,
    datasets,
    docs,
    events,
    findings,
    health,
    jobs,
    lines,
    links,
    media,
    networks,
    previews,
    surveys,
    units,
    visualizations,
)

routers = (
    health.router,
    networks.router,
    units.router,
    lines.router,
    visualizations.router,
    datasets.router,
    surveys.router,
    findings.router,
    confusions.router,
    clips.router,
    jobs.router,
    events.router,
    links.router,
    media.router,
    previews.router,
    docs.router,
)
