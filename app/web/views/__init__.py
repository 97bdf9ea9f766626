"""The HTML pages, one file per kind. `routers` is in order: the later ones take whatever address is left."""

from app.web.views import classes, jobs, links, networks, unit, units, visualize

routers = (
    jobs.router,
    links.router,
    visualize.router,
    classes.router,
    units.router,
    unit.router,
    networks.router,
)
