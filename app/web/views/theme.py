"""The switch between light and dark, for browsers without JavaScript."""

from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse

from app.contract.errors import InvalidRequest
from app.web import urls
from app.web.deps import Base
from app.web.same_site import local
from app.web.theme import COOKIE, THEMES, YEAR
from app.web.views.form import Form

router = APIRouter()


@router.post(urls.theme())
def theme(request: Request, base: Base, form: Form) -> RedirectResponse:
    chosen = form.get("theme", "")
    if chosen not in THEMES:
        raise InvalidRequest(f"There is no theme {chosen!r}. Choose one of {', '.join(THEMES)}.")
    answer = RedirectResponse(back_to(request, base), status_code=303)
    answer.set_cookie(COOKIE, chosen, max_age=YEAR, samesite="lax")
    return answer


def back_to(request: Request, base: str) -> str:
    """The page that the switch is on, without a theme of its own in the address; never another site's."""
    came_from = request.headers.get("referer")
    if not came_from:
        return urls.networks()
    page = local(came_from, base)
    kept = [(name, value) for name, value in parse_qsl(page.query, keep_blank_values=True) if name != "theme"]
    return page._replace(query=urlencode(kept)).geturl()
