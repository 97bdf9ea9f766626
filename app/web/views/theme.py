"""The switch between light and dark, for browsers without JavaScript."""

from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse

from app.contract.errors import InvalidRequest
from app.web import url_path, urls
from app.web.deps import BaseAddress
from app.web.requests.form import Form
from app.web.requests.same_site import same_site_url
from app.web.requests.theme import COOKIE_SECONDS, THEME_COOKIE, THEMES

router = APIRouter()


@router.post(urls.theme())
def switch_theme(request: Request, base: BaseAddress, form: Form) -> RedirectResponse:
    theme = form.get("theme", "")
    if theme not in THEMES:
        raise InvalidRequest(f"There is no theme {theme!r}. Choose one of {', '.join(THEMES)}.")
    response = RedirectResponse(referring_page(request, base), status_code=303)
    response.set_cookie(THEME_COOKIE, theme, max_age=COOKIE_SECONDS, samesite="lax", path=urls.networks())
    return response


def referring_page(request: Request, base: str) -> str:
    """Return the address of the page with the form, without its `theme` parameter.

    Raises InvalidRequest for an address of another site.
    """
    referer = request.headers.get("referer")
    if not referer:
        return urls.networks()
    address = same_site_url(referer, base)
    params = [(name, value) for name, value in parse_qsl(address.query, keep_blank_values=True) if name != "theme"]
    return url_path.rooted(address._replace(query=urlencode(params)).geturl())
