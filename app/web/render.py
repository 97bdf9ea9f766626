"""Renders the object of a page as HTML. Only this module imports Jinja."""

import inspect
import re
from functools import cache

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.contract.result import MediaRole
from app.settings import ROOT
from app.web import api_urls, formatting, url_path, urls
from app.web.assets import Assets
from app.web.charts import line_chart
from app.web.charts.coding_bars import coding_bars
from app.web.requests.visitor import current_visitor
from app.web.views.parts.layout import Page

INDENTATION = re.compile("\n[ \t]+")
TEMPLATES = ROOT / "frontend" / "templates"


def render(page: Page, *, status: int = 200, headers: dict[str, str] | None = None) -> HTMLResponse:
    return HTMLResponse(to_html(page), status_code=status, headers={"Cache-Control": "no-cache", **(headers or {})})


def to_html(page: Page) -> str:
    return environment().get_template(page.template).render(page=page)


class Templates(Environment):
    """Jinja's environment, whose templates lose their indentation: it would be a third of a page."""

    def preprocess(self, source: str, name: str | None = None, filename: str | None = None) -> str:
        return INDENTATION.sub("\n ", source)


@cache
def environment() -> Environment:
    templates = Templates(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Addresses and `visitor` depend on the request that is being answered, and are the same on every page.
    templates.globals.update(
        urls=urls,
        api_urls=api_urls,
        root=url_path.root,
        rooted=url_path.rooted,
        visitor=current_visitor,
        asset=Assets().url,
        coding_bars=coding_bars,
        MediaRole=MediaRole,
        chart_box=f"0 0 {line_chart.WIDTH} {line_chart.HEIGHT}",
    )
    filters = inspect.getmembers(formatting, lambda member: getattr(member, "__module__", "") == formatting.__name__)
    templates.filters.update(filters)
    return templates
