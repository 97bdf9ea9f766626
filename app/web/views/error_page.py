"""The page of an error: its sentence, and links to what the address may have meant."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar

from fastapi import Request
from fastapi.responses import HTMLResponse

from app.contract.errors import KinetoscopeError
from app.web import urls
from app.web.render import render
from app.web.requests.theme import chosen_theme
from app.web.views.parts.layout import Page, PageLayout, home_crumb
from app.web.views.parts.navigation import NamedLink


@dataclass(frozen=True, kw_only=True)
class ErrorPage(Page):
    template: ClassVar[str] = "error.html"
    status: int
    kind: str
    detail: str
    suggestions: tuple[NamedLink, ...]

    @property
    def suggestions_title(self) -> str:
        return "To go on" if self.status == HTTPStatus.UNAUTHORIZED else "Did you mean"


def error_page(request: Request, error: KinetoscopeError) -> HTMLResponse:
    """Return a page with the sentence that the JSON API gives for the error. Needs no database."""
    suggestions = suggested_links(request, error)
    page = ErrorPage(
        layout=PageLayout(title=f"{error.status} · Kinetoscope", crumbs=(home_crumb(),), theme=chosen_theme(request)),
        status=error.status,
        kind=error.kind.replace("_", " "),
        detail=error.detail.partition(" Near: ")[0] if suggestions else error.detail,
        suggestions=suggestions,
    )
    return render(page, status=error.status)


def suggested_links(request: Request, error: KinetoscopeError) -> tuple[NamedLink, ...]:
    """Return links to what the address may have meant: names like the unknown one, or units that the layer has."""
    params = request.path_params
    names = [str(name) for name in error.extra.get("near") or ()]  # type: ignore[attr-defined]
    match error.kind:
        case "unauthorized":
            return (NamedLink("Sign in", urls.sign_in()),)
        case "unknown_network":
            return tuple(NamedLink(name, urls.network(name)) for name in names)
        case "unknown_layer" if "network" in params:
            layers = tuple(NamedLink(name, urls.layer(params["network"], name)) for name in names)
            return (*layers, NamedLink("all layers", urls.network(params["network"])))
        case "unknown_dataset":
            return tuple(NamedLink(name, urls.dataset(name)) for name in names)
        case "unknown_clip" if "slug" in params:
            return tuple(NamedLink(name, urls.clip(params["slug"], name)) for name in names)
        case "unknown_class" if "slug" in params:
            return tuple(NamedLink(name, urls.dataset(params["slug"], label=name)) for name in names)
        case "unknown_class" if "network" in params:
            return tuple(NamedLink(name, urls.class_(params["network"], name)) for name in names)
    if "units" in error.extra and {"network", "layer"} <= params.keys():
        network, layer, units = params["network"], params["layer"], error.extra["units"]
        last = units - 1 if isinstance(units, int) else 0
        return (
            NamedLink(f"{layer}/0", urls.unit(network, layer, 0)),
            NamedLink(f"{layer}/{last}", urls.unit(network, layer, last)),
            NamedLink(f"all units of {layer}", urls.layer(network, layer)),
        )
    if error.kind == "missing" and {"network", "layer", "unit"} <= params.keys():
        network, layer, unit = params["network"], params["layer"], params["unit"]
        return (
            NamedLink(f"{layer}/{unit} as it is now", urls.unit(network, layer, unit)),
            NamedLink(f"all units of {layer}", urls.layer(network, layer)),
        )
    return ()
