"""Reads the fields of an HTML form, without the empty ones."""

from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import ImmutableMultiDict

from app.web import url_path
from app.web.requests.same_site import same_site_url

MAX_FORM_FIELDS = 20_000


async def read_multi_form(request: Request) -> ImmutableMultiDict[str, str]:
    """Return every value of every field: a form may name many units under the same field name."""
    async with request.form(max_files=0, max_fields=MAX_FORM_FIELDS) as form:
        return ImmutableMultiDict(
            [(name, value) for name, value in form.multi_items() if isinstance(value, str) and value]
        )


def read_form(form: Annotated[ImmutableMultiDict[str, str], Depends(read_multi_form)]) -> dict[str, str]:
    """Return the last value of every field."""
    return dict(form)


MultiForm = Annotated[ImmutableMultiDict[str, str], Depends(read_multi_form)]
Form = Annotated[dict[str, str], Depends(read_form)]


def back_address(form: dict[str, str], base: str, *, default: str) -> str:
    """Return the address in the form's field `back`, or `default` without one.

    Raises InvalidRequest for an address of another site.
    """
    return url_path.rooted(same_site_url(form["back"], base).geturl()) if "back" in form else default
