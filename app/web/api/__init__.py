"""The JSON API, one file per noun, and the bytes that its answers point to."""

from fastapi import APIRouter

from app.web.api import docs, events, health, jobs, links, media, networks, units, visualizations

api = APIRouter(prefix="/api")
for noun in (health, networks, units, visualizations, jobs, events, links):
    api.include_router(noun.router)

routers = (api, media.router, docs.router)
