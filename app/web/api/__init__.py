"""The JSON API: one file for each kind of resource, with its endpoints and the models of their answers.

Enter at `routers` below. May import app.store, app.analysis, app.contract and the rest of app.web. Read jobs.py (a
short resource from path to answer), error_bodies.py and parameters.py, then units.py, whose answers contain most of the
others. media.py and previews.py serve the bytes that answers point to.
"""

from app.web.api import (
    clips,
    confusions,
    datasets,
    directions,
    docs,
    events,
    findings,
    health,
    jobs,
    lines,
    links,
    media,
    naming,
    networks,
    previews,
    sources,
    surveys,
    units,
    visualizations,
)

routers = (
    health.router,
    networks.router,
    sources.router,
    units.router,
    directions.router,
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
    naming.router,
    media.router,
    previews.router,
    docs.router,
)
