"""Templates use only the page they render, and pages are well-formed HTML without inline styles or scripts."""

import dataclasses
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from jinja2 import meta, nodes

from app.web.render import TEMPLATES, environment, to_html
from app.web.views import routers
from app.web.views.error_page import ErrorPage
from app.web.views.parts.layout import Page, PageLayout
from tests.web.views.conftest import Make
from tests.web.views.pagereader import PageReader

assert routers.routers, "importing the routers defines every page"
PAGES = sorted(Page.__subclasses__(), key=lambda page: page.template)

ADDRESSES = (
    "/",
    "/tiny",
    "/clips",
    "/tiny/class",
    "/clips/Mixed_4f?page=2",
    "/tiny/fc6?q=nothing",
    "/tiny/-/units",
    "/tiny/-/units?state=visualized&sort=recent&class=wave+slow",
    "/tiny/-/units?page=9",
    "/tiny/-/units?view=list&sort=activation",
    "/clips/-/units?page=2&after=0~47~1",
    "/tiny/-/visualize?q=wave",
    "/tiny/-/visualize?q=zzz",
    "/tiny/-/compare",
    "/tiny/-/compare?u=class/2&u=class/1&u=fc6/0",
    "/tiny/class/2?embed=1",
    "/tiny/fc6/1?embed=1",
    "/-/saved",
    "/-/add-network",
    "/-/jobs?mine=1",
    "/tiny/class/2",
    "/tiny/class/2?speed=fast&view=xy",
    "/tiny/class/1",
    "/tiny/class/3",
    "/tiny/class/4",
    "/clips/Conv3d_1a_7x7/0",
    "/tiny/-/classes",
    "/tiny/-/classes?q=zzz",
    "/tiny/-/classes/wave%20slow",
    "/tiny/-/classes/back%2Fflip%20%26%20turn",
    "/-/jobs",
    "/-/jobs?state=failed",
    "/-/jobs?state=queued",
    "/-/jobs/1",
    "/-/jobs/2",
    "/-/jobs/3",
    "/-/jobs/4",
)


@pytest.fixture
def every_state(make: Make, running: int, failed: int, cancelled: int) -> None:
    make(2)
    make(2, speed="fast")
    make(2, kappa=2)


def names_from_outside(file: Path) -> set[str]:
    """Return the names that a template uses and does not define itself."""
    tree = environment().parse(file.read_text())
    own = {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}
    own |= {macro.name for macro in tree.find_all(nodes.Macro)}
    own |= {str(name) for node in tree.find_all(nodes.FromImport) for name in node.names}
    return meta.find_undeclared_variables(tree) - own - environment().globals.keys()


@pytest.mark.parametrize("kind", PAGES)
def test_a_template_knows_its_page_and_nothing_else(kind: type[Page]) -> None:
    assert dataclasses.fields(kind)
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]  # not in the stubs
    assert names_from_outside(TEMPLATES / kind.template) == {"page"}


def test_every_template_has_its_page() -> None:
    assert {file.name for file in TEMPLATES.glob("*.html")} == {page.template for page in PAGES} | {"base.html"}


@pytest.mark.parametrize("file", sorted(TEMPLATES.glob("parts/*.html")), ids=lambda file: file.stem)
def test_parts_take_what_they_show_as_arguments(file: Path) -> None:
    assert names_from_outside(file) == set()


def test_a_page_is_made_from_its_object_alone() -> None:
    html = to_html(
        ErrorPage(layout=PageLayout(title="404"), status=404, kind="missing", detail="<gone> & away", suggestions=())
    )
    assert "&lt;gone&gt; &amp; away" in html
    assert "og:title" not in html


@pytest.mark.usefixtures("every_state")
def test_every_page_is_whole_and_has_nothing_inline(visitor: TestClient) -> None:
    for address in ADDRESSES:
        answer = visitor.get(address)
        assert answer.status_code == 200, address
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        check(PageReader(answer.text))


def check(page: PageReader) -> None:
    assert (page.unclosed, page.stray) == ([], [])
    for tag, attributes in page.elements:
        assert "style" not in attributes, tag
        assert not [name for name in attributes if name.startswith("on")], tag
        assert tag != "style"
        if tag == "script":
            assert attributes["src"].startswith("/-/assets/")
        if tag == "img":
            assert {"alt", "width", "height", "src"} <= attributes.keys()
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert len(page.all("h1")) == 1
    labelled = {target for _, attributes in page.elements for target in attributes.get("aria-labelledby", "").split()}
    assert labelled <= set(ids)


@pytest.mark.usefixtures("every_state")
def test_no_link_of_any_page_is_dead(visitor: TestClient) -> None:
    seen, waiting = {"/"}, ["/"]
    while waiting and len(seen) < 150:
        address = waiting.pop(0)
        answer = visitor.get(address)
        assert answer.status_code == 200, address
        if "text/html" in answer.headers["content-type"]:
            links = {link.partition("#")[0] for link in PageReader(answer.text).links} - {""}
            assert all(link.startswith("/") for link in links)
            waiting += links - seen
            seen |= links
    assert len(seen) > 60
