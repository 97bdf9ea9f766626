"""A short link: it tells other sites what the view is, and takes people there."""

from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from app.store import links
from app.web import urls
from app.web.deps import Reading
from app.web.pages import LinkPage
from app.web.render import render
from app.web.views.frame import frame

router = APIRouter(prefix="/-/s")

KEPT = "%/?&=:@!$'()*+,;~"  # what an address may hold as it is; a header takes no other letters than ASCII


@router.get("/{slug}")
def link(request: Request, session: Reading, slug: str) -> HTMLResponse:
    found = links.get_link(session, slug=slug)
    around = frame(
        request,
        title=found.title,
        address=urls.link(slug),
        description=found.description,
        image=found.preview,
    )
    # Not a redirect by status: sites that unfold links would read the view's own title instead of this one.
    address = quote(found.url, safe=KEPT)
    return render(LinkPage(frame=around, link=found), headers={"Refresh": f"0; url={address}"})
