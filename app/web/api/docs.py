"""The page that documents the JSON API: Swagger UI, served from the built front end and without inline scripts."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from app.web import api_urls, urls
from app.web.assets import Assets
from app.web.requests.theme import chosen_theme

router = APIRouter(include_in_schema=False)

PAGE_HTML = """<!doctype html>
<html lang="en" data-theme="{theme}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>JSON API · Kinetoscope</title>
<link rel="icon" href="{icon}">
<link rel="stylesheet" href="{style}">
<link rel="stylesheet" href="{colors}">
</head>
<body>
<nav class="docs-head" aria-label="Dashboard"><a href="{home}">Kinetoscope</a><a href="{openapi}">openapi.json</a></nav>
<div id="swagger-ui" data-openapi="{openapi}">
<p>The description of the API is at <a href="{openapi}">{openapi}</a>.</p>
</div>
<script src="{bundle}" defer></script>
<script src="{start}" type="module"></script>
</body>
</html>
"""


@router.get(urls.docs(), response_class=HTMLResponse)
def docs(request: Request) -> str:
    assets: Assets = request.app.state.assets
    return PAGE_HTML.format(
        icon=assets.url("favicon.svg"),
        style=assets.url("swagger-ui.css"),
        colors=assets.url("docs.css"),
        theme=chosen_theme(request),
        home=urls.networks(),
        bundle=assets.url("swagger-ui.js"),
        start=assets.url("docs.js"),
        openapi=api_urls.openapi(),
    )
