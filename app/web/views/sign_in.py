"""The form for the token, which browsers need where KINETOSCOPE_TOKEN or KINETOSCOPE_ADMIN_TOKEN is set."""

from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import unquote

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.contract.errors import InvalidRequest, Missing
from app.web import url_path, urls
from app.web.deps import BaseAddress, SettingsDep
from app.web.errors import allowed_methods
from app.web.render import render
from app.web.requests.credentials import Role, role_of_token, sign_in, sign_out
from app.web.requests.form import Form, back_address
from app.web.requests.same_site import same_site_url
from app.web.requests.theme import chosen_theme
from app.web.requests.visitor import VisitorDep
from app.web.views.parts.layout import Page, PageLayout, home_crumb
from app.web.views.parts.navigation import Crumb

router = APIRouter()


@dataclass(frozen=True, kw_only=True)
class SignInPage(Page):
    template: ClassVar[str] = "sign_in.html"
    back: str  # the page to return to
    is_wrong: bool  # whether a wrong token was given
    needs_token: bool  # whether asking for work needs one, and not only changing what others asked for


@router.get("/-/sign-in")
def sign_in_page(request: Request, base: BaseAddress, settings: SettingsDep, visitor: VisitorDep) -> HTMLResponse:
    if not visitor.can_sign_in:
        raise Missing("Nobody needs to sign in here: no token is set.")
    return render(_page(request, back=_page_before(request, base), needs_token=bool(settings.token)))


@router.post("/-/sign-in")
def request_sign_in(
    request: Request, base: BaseAddress, settings: SettingsDep, visitor: VisitorDep, form: Form
) -> Response:
    if not visitor.can_sign_in:
        raise Missing("Nobody needs to sign in here: no token is set.")
    back = back_address(form, base, default=urls.networks())
    role = role_of_token(form.get("token", ""), settings)
    if role is Role.READER:
        page = _page(request, back=back, needs_token=bool(settings.token), is_wrong=True)
        return render(page, status=401, headers={"WWW-Authenticate": "Bearer"})
    response = RedirectResponse(back, status_code=303)
    sign_in(response, role, settings, is_encrypted=visitor.is_encrypted)
    return response


@router.post("/-/sign-out")
def request_sign_out() -> RedirectResponse:
    response = RedirectResponse(urls.networks(), status_code=303)
    sign_out(response)
    return response


def _page(request: Request, *, back: str, needs_token: bool, is_wrong: bool = False) -> SignInPage:
    crumbs = (home_crumb(), Crumb("Sign in"))
    layout = PageLayout(title="Sign in · Kinetoscope", crumbs=crumbs, theme=chosen_theme(request))
    return SignInPage(layout=layout, back=back, needs_token=needs_token, is_wrong=is_wrong)


def _page_before(request: Request, base: str) -> str:
    """Return the address of the page with the link to this one, or of the first page.

    The link may stand on the answer to a form, at an address that cannot be opened.
    """
    try:
        url = same_site_url(request.headers.get("referer", ""), base)
    except InvalidRequest:
        return urls.networks()
    path = url_path.rooted(unquote(url.path))
    is_page = "GET" in allowed_methods(request.app, path) and path != urls.sign_in()
    return url_path.rooted(url.geturl()) if is_page else urls.networks()
