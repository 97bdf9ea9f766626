"""The filters of units as query parameters: reads them from a request, and writes them into an address."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import ValidationError, model_validator

from app.contract.unit_query import UnitQuery
from app.web.requests.validation import QUERY_LOCATION, invalid_request

# Parameters of a listing that are no filters: they say which page of it is shown, and how.
LISTING_PARAMS = ("page", "after", "before", "view", "colour", "per_page")


class UnitQueryParams(UnitQuery):
    """Filters as a request has them: an HTML form also sends its empty fields, which are no filters."""

    @model_validator(mode="before")
    @classmethod
    def drop_empty_values(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        return {name: value for name, value in values.items() if value not in ("", None)}

    @classmethod
    def parse(cls, params: Mapping[str, str]) -> Self:
        """Return the filters in the query of a page. Raises InvalidRequest.

        Unknown parameters are ignored, because other sites add some to links.
        """
        known = {field.alias or name for name, field in cls.model_fields.items()}
        try:
            return cls.model_validate({name: value for name, value in params.items() if name in known})
        except ValidationError as error:
            raise invalid_request(error.errors(), within=QUERY_LOCATION) from error


def query_params(query: UnitQuery | None, *exclude: str) -> dict[str, str | int | float]:
    """Return the query parameters of a query, without defaults and the fields in `exclude`.

    So addresses are short, and each view has one address.
    """
    if query is None:
        return {}
    return query.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude=set(exclude) or None)
