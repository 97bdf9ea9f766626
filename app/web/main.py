"""Creates the web application: its lifespan, its middlewares, the JSON API, then the pages."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

from fastapi import APIRouter, FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute

from app.contract.version import VERSION
from app.settings import Settings, settings
from app.store.database.engine import Store, open_store
from app.web import api_urls, errors
from app.web.api import routers as api_routers
from app.web.assets import AssetFiles, Assets
from app.web.events import Events
from app.web.middleware.access import Access
from app.web.middleware.body_limits import BodyLimits
from app.web.middleware.boundary import ErrorBoundary
from app.web.middleware.etags import Etags
from app.web.middleware.public_path import PublicPath
from app.web.middleware.security import HeadRequests, OriginGuard, SecurityHeaders
from app.web.requests.uploads import ArrivingUploads
from app.web.serving.admission import Admission
from app.web.serving.shutdown import on_stop_signal
from app.web.views.routers import routers as page_routers

log = logging.getLogger(__name__)

DESCRIPTION = """See what a video network has learned.

Every error has one body: `error`, its kind in snake_case, and `detail`, what is wrong and what to do next.
Requests that change something are refused when a browser sends them from another site. Where the dashboard has a token,
they need it: `Authorization: Bearer TOKEN`. Programs own the jobs that their network address asked for."""


def create_app(chosen: Settings | None = None, store: Store | None = None) -> FastAPI:
    """Return the application. Without `store` it opens the database of the settings when it starts."""
    chosen = chosen or settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        opened = store or open_store(chosen.sqlalchemy_url)
        events = Events(opened)
        app.state.store = opened
        app.state.admission = Admission.for_database(opened.dialect)
        app.state.events = events
        if not app.state.assets.is_built:
            log.warning("The front end is not built: pages have no style. Run `kinetoscope up`.")
        try:
            with on_stop_signal(events.close):
                async with events.running():
                    yield
        finally:
            if store is None:
                opened.close()

    app = FastAPI(
        title="Kinetoscope",
        version=VERSION,
        summary="The JSON API",
        description=DESCRIPTION,
        openapi_url=api_urls.openapi(),
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        routes=_shared_routes(),
    )
    app.state.settings = chosen
    app.state.assets = Assets()
    app.state.arriving_uploads = ArrivingUploads(chosen.upload_limit)
    errors.install_handlers(app)
    # The last one added is the outermost.
    app.add_middleware(ErrorBoundary)
    app.add_middleware(Etags)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=3)
    app.add_middleware(HeadRequests)
    app.add_middleware(BodyLimits, settings=chosen)
    app.add_middleware(Access, settings=chosen)
    app.add_middleware(OriginGuard, settings=chosen)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(PublicPath, settings=chosen)
    return app


@cache
def _shared_routes() -> list[BaseRoute]:
    """Return the routes of every application in this process. FastAPI prepares each one once, at its first request."""
    shared = APIRouter()
    for router in api_routers:
        shared.include_router(router)
    shared.mount("/-/assets", AssetFiles())
    for router in page_routers:  # last: /{network} takes every address that is left
        shared.include_router(router, include_in_schema=False)
    return shared.routes
