"""What a form sent, read once: names to text, with empty fields left out."""

from typing import Annotated

from fastapi import Depends, Request

from app.web.api.links import local


async def read_form(request: Request) -> dict[str, str]:
    async with request.form(max_files=0) as sent:
        return {name: value for name, value in sent.items() if isinstance(value, str) and value}


Form = Annotated[dict[str, str], Depends(read_form)]


def back(form: dict[str, str], base: str, *, otherwise: str) -> str:
    """Where a person came from, as the form says; never another site."""
    return local(form["back"], base).geturl() if "back" in form else otherwise
