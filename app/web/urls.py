"""Builds every address of the dashboard's pages and of stored bytes; `api_urls` builds those of the JSON API.

A choice that a person makes on a page is a query parameter of its address. None leaves a parameter out.
"""

from collections.abc import Sequence
from functools import lru_cache

from app.contract.job import AddNetworkJob, ExplainJob, Job, SurveyJob, VisualizeJob
from app.contract.network import escape_layer
from app.contract.result import EXTENSIONS, MediaRef
from app.contract.unit_query import UnitQuery
from app.web.requests.params import LISTING_PARAMS, query_params
from app.web.url_path import join_parts, path, rooted

EMBEDDED = "embed=1"  # the query of a page that shows its stimulus alone, for other sites to frame
POSTER_TYPE = "image/webp"  # of posters and loops, of which listings have only the sha256


def absolute(base: str, address: str) -> str:
    """Return the address with its host, for link previews and shared links."""
    return base.rstrip("/") + address


def embedded(address: str) -> str:
    """Return the address of the page's stimulus alone."""
    return f"{address}{'&' if '?' in address else '?'}{EMBEDDED}"


def whole(address: str) -> str:
    """Return the address of the whole page, for one that `embedded` returned."""
    return address.removesuffix(EMBEDDED).rstrip("?&")


# pages


def networks() -> str:
    return rooted("/")


def add_network() -> str:
    """Return the address that the forms to add a network post to."""
    return rooted("/-/networks")


def add_network_form() -> str:
    """Return the address of the page that adds networks."""
    return rooted("/-/add-network")


def network(slug: str) -> str:
    return path(slug)


def layer(network: str, layer: str, query: UnitQuery | None = None) -> str:
    """Return the address of a layer's units. The path names the layer, so the query does not."""
    return path(network, escape_layer(layer), query=query_params(query, "layer"))


def unit(network: str, layer: str, unit: int, **choices: str | int | float | None) -> str:
    """Return the address of a unit; `choices` are what a person chose on its page, such as speed, seed and view."""
    return path(network, escape_layer(layer), unit, query=choices)


def units(network: str, query: UnitQuery | None = None) -> str:
    return path(network, "-", "units", query=query_params(query))


def compare(network: str, units: Sequence[str] = (), **choices: str | int | None) -> str:
    """Return the address of units side by side; `units` are names such as fusion.conv5/12."""
    return path(network, "-", "compare", query={"u": units or None, **choices})


def selection(network: str, query: UnitQuery | None = None, units: Sequence[str] = (), **recipe: str) -> str:
    """Return the address of the page that estimates and visualizes the units named, or all that match the query."""
    return path(network, "-", "visualize", query={"u": units or None, **query_params(query, *LISTING_PARAMS), **recipe})


def export(network: str, query: UnitQuery | None = None, units: Sequence[str] = ()) -> str:
    """Return the address of a ZIP of the units named, or of all that match the query."""
    return path(network, "-", "export", query={"u": units or None, **query_params(query, *LISTING_PARAMS)})


def classes(network: str, *, q: str | None = None, page: int | None = None) -> str:
    return path(network, "-", "classes", query={"q": q or None, "page": page})


def class_(network: str, name: str, **choices: str | int | float | None) -> str:
    return path(network, "-", "classes", name, query=choices) if choices else rooted(_class(network, name))


@lru_cache(maxsize=8192)  # every page of a unit has the same hundreds
def _class(network: str, name: str) -> str:
    return f"/{join_parts((network, '-', 'classes', name))}"


def confusions(network: str) -> str:
    """Return the address of all pairs of classes that a network confuses."""
    return path(network, "-", "confusions")


def confusion(network: str, a: str, b: str, **choices: str | None) -> str:
    """Return the address of two classes side by side; `choices` are settings of their players."""
    return path(network, "-", "confusions", a, b, query=choices)


def jobs(
    *,
    state: str | None = None,
    network: str | None = None,
    mine: bool = False,
    page: int | None = None,
    **cursor: str | None,
) -> str:
    """Return the address of the queue.

    `mine` lists only the jobs of this browser. `cursor` is `after` or `before`: where the page starts.
    """
    chosen = {"state": state, "network": network, "mine": int(mine) or None, "page": page}
    return path("-", "jobs", query={**chosen, **cursor})


def job(job_id: int) -> str:
    return path("-", "jobs", job_id)


def visualize() -> str:
    """Return the address that the form for visualizations posts to."""
    return rooted("/-/visualize")


def visualize_anew() -> str:
    """Return the address that the button for outdated results posts to."""
    return rooted("/-/visualize-anew")


def job_result(job: Job) -> str:
    """Return the address of the page that shows the result of a job."""
    match job:
        case VisualizeJob():
            return unit(job.network, job.layer, job.unit)
        case SurveyJob():
            return surveys(job.network)
        case ExplainJob():
            return own_clip(job.id)
        case AddNetworkJob():
            return network(job.network)


def job_cancel(job_id: int) -> str:
    """Return the address that the button to cancel a job posts to."""
    return path("-", "jobs", job_id, "cancel")


def job_retry(job_id: int) -> str:
    """Return the address that the button to try a job again posts to."""
    return path("-", "jobs", job_id, "retry")


def job_order(job_id: int) -> str:
    """Return the address that the buttons to move a queued job post to."""
    return path("-", "jobs", job_id, "order")


def datasets() -> str:
    return rooted("/-/datasets")


def dataset(slug: str, *, label: str | None = None, page: int | None = None) -> str:
    return path("-", "datasets", slug, query={"label": label or None, "page": page})


def clip(dataset: str, name: str, **choices: str | None) -> str:
    """Return the address of a clip; `choices` are settings of its player."""
    return path("-", "datasets", dataset, name, query=choices)


def surveys(network: str) -> str:
    """Return the address of a network's surveys and the form that asks for one."""
    return path(network, "-", "surveys")


def findings(network: str, *, export: str | None = None) -> str:
    """Return the address of the four findings; `export` is the format to download them in."""
    return path(network, "-", "findings", query={"export": export})


def claim(network: str, name: str, *, page: int | None = None) -> str:
    """Return the address of a claim of the findings and the clips behind it."""
    return path(network, "-", "findings", name, query={"page": page})


def compared_findings(*, a: str | None = None, b: str | None = None) -> str:
    """Return the address of the findings of two networks side by side; without any, that of the form."""
    return path("-", "findings", query={"a": a, "b": b})


def survey() -> str:
    """Return the address that the form for a survey posts to."""
    return rooted("/-/surveys")


def explain_clip(
    network: str, *, dataset: str | None = None, clip: str | None = None, expected: str | None = None
) -> str:
    """Return the address of the form that asks why a network predicts what it does for a clip."""
    return path(network, "-", "explain", query={"dataset": dataset, "clip": clip, "expected": expected})


def own_clips() -> str:
    """Return the address that the form for an explained clip posts to."""
    return rooted("/-/clips")


def own_clip(clip_id: int, *, against: str | None = None, **choices: str | None) -> str:
    """Return the address of an explained clip; `against` names the class to contrast with the predicted one."""
    return path("-", "clips", clip_id, query={"against": against, **choices})


def name_it(network: str | None = None) -> str:
    """Return the address of the page that starts sessions of naming; its form posts to the same."""
    return path("-", "name-it", query={"network": network})


def naming_session(session_id: str, **choices: str | int | None) -> str:
    """Return the address of a session: of its trial, or of its result; `choices` are settings of its player."""
    return path("-", "name-it", session_id, query=choices)


def naming_medium(session_id: str, trial: int, role: str) -> str:
    """Return the address of a picture of a trial, which names nothing of what it shows and ends with the trial."""
    return path("-", "name-it", session_id, trial, role)


def naming_abandon(session_id: str) -> str:
    """Return the address that the button to abandon a session posts to."""
    return path("-", "name-it", session_id, "abandon")


def naming_judge(session_id: str) -> str:
    """Return the address that the form for verdicts on free words posts to."""
    return path("-", "name-it", session_id, "judge")


def naming_report(**choices: str | int | None) -> str:
    """Return the address of what people named; `choices` are filters, and the format of an export."""
    return path("-", "name-it", "report", query=choices)


def link(slug: str) -> str:
    return path("-", "s", slug)


def saved(*, page: int | None = None) -> str:
    return path("-", "saved", query={"page": page})


def saved_forget(slug: str) -> str:
    """Return the address that the button to forget a saved view posts to."""
    return path("-", "saved", slug, "forget")


def feed(network: str | None = None) -> str:
    """Return the address of the feed of new results."""
    return path("-", "feed.atom", query={"network": network})


def theme() -> str:
    """Return the address that the theme switch posts to, where the browser has no JavaScript."""
    return rooted("/-/theme")


def sign_in() -> str:
    """Return the address of the form for the token, which posts to itself."""
    return rooted("/-/sign-in")


def sign_out() -> str:
    """Return the address that the button to sign out posts to."""
    return rooted("/-/sign-out")


def docs() -> str:
    return rooted("/-/docs")


# bytes


def media(sha256: str, type: str = POSTER_TYPE) -> str:
    return rooted(f"/-/media/{sha256}.{EXTENSIONS[type]}")  # hexadecimal digits need no encoding


def medium(ref: MediaRef) -> str:
    return media(ref.sha256, ref.type)


def link_preview(visualization_id: int) -> str:
    """Return the address of the picture that other sites show for a link to a result."""
    return path("-", "previews", f"{visualization_id}.jpg")


def job_preview(job_id: int, step: int) -> str:
    """Return the address of a running job's newest preview; `step` keeps caches from showing an older one."""
    return path("-", "jobs", job_id, "preview.webp", query={"step": step})


def asset(name: str) -> str:
    """Return the address of a built file of the front end, whose name has a hash of its content."""
    return path("-", "assets", *name.split("/"))
