"""The explorer's filters as query parameters: read as they arrive, and written as short as they can be."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import ValidationError, model_validator

from app.contract.unit_query import UnitQuery
from app.web.validation import QUERY, explain

# Parameters of a listing that are no filters: which page of it is shown, and how.
LISTING_PARAMS = ("page", "after", "before", "view", "colour", "per_page")


class UnitQueryParams(UnitQuery):
    """Filters as they arrive: an HTML form sends its empty fields too, and an empty field is no filter."""

    @model_validator(mode="before")
    @classmethod
    def drop_empty_values(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        return {name: value for name, value in values.items() if value not in ("", None)}

    @classmethod
    def parse(cls, params: Mapping[str, str]) -> Self:
        """Return the filters in a page's query. Unknown parameters are ignored: other sites add theirs to links.

        Raises InvalidRequest.
        """
        known = {field.alias or name for name, field in cls.model_fields.items()}
        try:
            return cls.model_validate({name: value for name, value in params.items() if name in known})
        except ValidationError as error:
            raise explain(error.errors(), within=QUERY) from error


def query_params(query: UnitQuery | None, *exclude: str) -> dict[str, str | int | float]:
    """Return the fields that differ from the defaults, so that addresses are short and a view has one address."""
    if query is None:
        return {}
    return query.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude=set(exclude) or None)
