"""The explorer's filters in the query of an address: read as they arrive, and written as short as they can be."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import ValidationError, model_validator

from app.contract.unit_query import UnitQuery
from app.web.validation import QUERY, explain

PLACE = ("page", "after", "before", "view", "colour", "per_page")  # which part of a listing is shown, and how


class UnitParams(UnitQuery):
    """Filters as they arrive: a plain form sends its empty fields too, and they mean no filter."""

    @model_validator(mode="before")
    @classmethod
    def blank_is_absent(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        return {name: value for name, value in values.items() if value not in ("", None)}

    @classmethod
    def of(cls, params: Mapping[str, str]) -> Self:
        """From a page's query. Names we do not know are left alone: other sites add their own to links."""
        known = {field.alias or name for name, field in cls.model_fields.items()}
        try:
            return cls.model_validate({name: value for name, value in params.items() if name in known})
        except ValidationError as error:
            raise explain(error.errors(), within=QUERY) from error


def chosen(query: UnitQuery | None, *drop: str) -> dict[str, str | int | float]:
    """Only what differs from the defaults, so that addresses stay short and the same view has one address."""
    if query is None:
        return {}
    return query.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude=set(drop) or None)
