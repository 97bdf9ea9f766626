"""The page that adds networks: published ones, those of a hub, and those of the directory that the operator allows."""

from dataclasses import dataclass
from typing import ClassVar

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError

from app.contract.job import AddNetworkJob, AddNetworkRequest
from app.contract.network_source import SOURCES, HubSource, Source
from app.store.catalog import networks
from app.store.jobs import listing, requests, workers
from app.web import urls
from app.web.deps import ReadSession, SettingsDep, WriteSession
from app.web.render import render
from app.web.requests.form import Form
from app.web.requests.network_directory import check_path
from app.web.requests.validation import invalid_request
from app.web.requests.visitor import VisitorDep, new_owner, remember_owner, requester
from app.web.views.parts.layout import Page, home_crumb, page_layout
from app.web.views.parts.navigation import Crumb

router = APIRouter()


@dataclass(frozen=True)
class SourceRow:
    """A published network: where it is, and the address of the network that was made of it, if there is one."""

    source: Source
    href: str | None

    @property
    def where(self) -> str:
        """The package or repository that it is in."""
        source = self.source
        return source.id if isinstance(source, HubSource) else f"{source.package} {source.version}"

    @property
    def size(self) -> str:
        """The size of the download, where it is known before."""
        return "" if isinstance(self.source, HubSource) else f"{self.source.megabytes} MB"


@dataclass(frozen=True, kw_only=True)
class AddNetworkPage(Page):
    template: ClassVar[str] = "add_network.html"
    rows: tuple[SourceRow, ...]
    live_jobs: tuple[AddNetworkJob, ...]
    workers_alive: bool
    may_read_disk: bool  # whether the operator allows a directory


@router.get(urls.add_network_form())
def add_network_page(request: Request, session: ReadSession, settings: SettingsDep) -> HTMLResponse:
    registered = {card.slug for card in networks.list_cards(session)}
    live_jobs = tuple(listing.list_live_additions(session))
    page = AddNetworkPage(
        layout=page_layout(
            request,
            title="Add a network",
            address=urls.add_network_form(),
            description="Published networks, those of a hub, and your own.",
            crumbs=(home_crumb(), Crumb("Add a network")),
            is_live=bool(live_jobs),
        ),
        rows=tuple(
            SourceRow(source, urls.network(source.name) if source.name in registered else None) for source in SOURCES
        ),
        live_jobs=live_jobs,
        workers_alive=workers.any_alive(session),
        may_read_disk=bool(settings.network_directory),
    )
    return render(page)


@router.post(urls.add_network())
def add_network(session: WriteSession, settings: SettingsDep, visitor: VisitorDep, form: Form) -> RedirectResponse:
    """Queue a network to be added, and show the job."""
    fields = {name: form[name].strip() for name in AddNetworkRequest.model_fields if form.get(name, "").strip()}
    try:
        request = AddNetworkRequest.model_validate(fields)
    except ValidationError as error:
        raise invalid_request(error.errors(), within=("body",)) from error
    check_path(request, settings)
    owner = visitor.cookie_owner or new_owner()
    asked_by = requester(visitor, settings, owner)
    job = requests.enqueue_network(session, request=request, limit=settings.queue_limit, requester=asked_by)
    response = RedirectResponse(urls.job(job.id), status_code=303)
    remember_owner(response, owner)
    return response
