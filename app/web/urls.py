"""Every link of the dashboard is built here, so that an address is said once and the URL is the state."""

from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import quote, urlencode

from pydantic import ValidationError, model_validator
from starlette.convertors import StringConvertor, register_url_convertor

from app.contract.catalog import UnitQuery
from app.contract.result import EXTENSIONS, MediaRef
from app.web.validation import QUERY, explain


class NetworkConvertor(StringConvertor):
    """`{network:slug}` in a page's route: the two first parts that never name a network are left to others."""

    regex = "(?!(?:api|-)(?:/|$))[^/]+"


register_url_convertor("slug", NetworkConvertor())

POSTER_TYPE = "image/webp"  # posters and loops, where a listing knows only their sha256


def path(*parts: str | int, query: Mapping[str, str | int | float | None] | None = None) -> str:
    """`/` and the parts, each percent-encoded; query values that are None are left out."""
    address = "/" + "/".join(quote(str(part), safe="") for part in parts)
    chosen = {name: value for name, value in (query or {}).items() if value is not None}
    return f"{address}?{urlencode(chosen, quote_via=quote)}" if chosen else address


def absolute(base: str, address: str) -> str:
    """The address with its host, for what leaves the dashboard: link previews and shared links."""
    return base.rstrip("/") + address


# pages


def networks() -> str:
    return "/"


def network(slug: str) -> str:
    return path(slug)


def layer(network: str, layer: str, query: UnitQuery | None = None) -> str:
    """The units of one layer; the layer is in the path, so not in the query."""
    return path(network, layer, query=_chosen(query, drop="layer"))


def unit(network: str, layer: str, unit: int, **choices: str | int | float | None) -> str:
    """One unit; `choices` are what a person chose on the page, such as speed, seed and view."""
    return path(network, layer, unit, query=choices)


def units(network: str, query: UnitQuery | None = None) -> str:
    return path(network, "-", "units", query=_chosen(query))


def classes(network: str, *, q: str | None = None, page: int | None = None) -> str:
    return path(network, "-", "classes", query={"q": q or None, "page": page})


def class_(network: str, name: str, **choices: str | int | float | None) -> str:
    return path(network, "-", "classes", name, query=choices)


def jobs(*, state: str | None = None, network: str | None = None, page: int | None = None) -> str:
    return path("-", "jobs", query={"state": state, "network": network, "page": page})


def job(job_id: int) -> str:
    return path("-", "jobs", job_id)


def visualize() -> str:
    """Where the form that asks for work posts to."""
    return "/-/visualize"


def job_cancel(job_id: int) -> str:
    """Where the form of a page without JavaScript posts to."""
    return path("-", "jobs", job_id, "cancel")


def job_retry(job_id: int) -> str:
    """Where the form of a page without JavaScript posts to."""
    return path("-", "jobs", job_id, "retry")


def link(slug: str) -> str:
    return path("-", "s", slug)


def docs() -> str:
    return "/-/docs"


# bytes


def media(sha256: str, type: str = POSTER_TYPE) -> str:
    return path("-", "media", f"{sha256}.{EXTENSIONS[type]}")


def medium(ref: MediaRef) -> str:
    return media(ref.sha256, ref.type)


def job_preview(job_id: int, step: int) -> str:
    """The newest preview of a running job; the step keeps a cache from showing an older one."""
    return path("-", "jobs", job_id, "preview.webp", query={"step": step})


def asset(name: str) -> str:
    """A built file of the front end; `name` already holds its content hash."""
    return path("-", "assets", *name.split("/"))


# the JSON API


def api_openapi() -> str:
    return "/api/openapi.json"


def api_network(slug: str) -> str:
    return path("api", "networks", slug)


def api_unit(network: str, layer: str, unit: int) -> str:
    return path("api", "networks", network, "layers", layer, "units", unit)


def api_visualization(visualization_id: int) -> str:
    return path("api", "visualizations", visualization_id)


def api_job(job_id: int) -> str:
    return path("api", "jobs", job_id)


def api_events(*, job: int | None = None, network: str | None = None) -> str:
    return path("api", "events", query={"job": job, "network": network})


def api_links() -> str:
    return "/api/links"


# the explorer's filters


class UnitParams(UnitQuery):
    """Filters as they arrive: a plain form sends its empty fields too, and they mean no filter."""

    @model_validator(mode="before")
    @classmethod
    def blank_is_absent(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        return {name: value for name, value in values.items() if value not in ("", None)}

    @classmethod
    def of(cls, params: Mapping[str, str]) -> Self:
        """From a page's query. Names we do not know are left alone: other sites add their own to links."""
        known = {field.alias or name for name, field in cls.model_fields.items()}
        try:
            return cls.model_validate({name: value for name, value in params.items() if name in known})
        except ValidationError as error:
            raise explain(error.errors(), within=QUERY) from error


def _chosen(query: UnitQuery | None, drop: str | None = None) -> dict[str, str | int]:
    """Only what differs from the defaults, so that addresses stay short and the same view has one address."""
    if query is None:
        return {}
    return query.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={drop} if drop else None)
