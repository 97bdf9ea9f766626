"""What a form sent, read once: names to text, with empty fields left out."""

from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import ImmutableMultiDict

from app.web.same_site import local

MOST_FIELDS = 20_000


async def read_all(request: Request) -> ImmutableMultiDict[str, str]:
    """Every value of every field: names of units come many times."""
    async with request.form(max_files=0, max_fields=MOST_FIELDS) as sent:
        return ImmutableMultiDict(
            [(name, value) for name, value in sent.multi_items() if isinstance(value, str) and value]
        )


def read_form(sent: Annotated[ImmutableMultiDict[str, str], Depends(read_all)]) -> dict[str, str]:
    return dict(sent)


MultiForm = Annotated[ImmutableMultiDict[str, str], Depends(read_all)]
Form = Annotated[dict[str, str], Depends(read_form)]


def back(form: dict[str, str], base: str, *, otherwise: str) -> str:
    """Where a person came from, as the form says; never another site."""
    return local(form["back"], base).geturl() if "back" in form else otherwise
