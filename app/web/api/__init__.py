"""The JSON API, one file per noun, and the bytes that its answers point to."""

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
