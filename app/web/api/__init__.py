"""The JSON API, one file per noun, and the bytes that its answers point to."""

from fastapi import APIRouter

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

api = APIRouter(prefix="/api")
for noun in (
    health,
    networks,
    units,
    lines,
    visualizations,
    datasets,
    surveys,
    findings,
    confusions,
    clips,
    jobs,
    events,
    links,
):
    api.include_router(noun.router)

routers = (api, media.router, previews.router, docs.router)
