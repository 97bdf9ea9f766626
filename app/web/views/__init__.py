"""The HTML pages, one file per kind. `routers` is in order: the later ones take whatever address is left."""

from app.web.views import (
    classes,
    compare,
    confusions,
    datasets,
    export,
    feed,
    jobs,
    links,
    networks,
    selection,
    surveys,
    theme,
    unit,
    units,
    visualize,
)

routers = (
    jobs.router,
    links.router,
    datasets.router,
    surveys.router,
    feed.router,
    visualize.router,
    theme.router,
    selection.router,
    compare.router,
    confusions.router,
    export.router,
    classes.router,
    units.router,
    unit.router,
    networks.router,
)
