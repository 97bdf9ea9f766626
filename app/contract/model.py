"""The base of everything in the contract: immutable, and strict about unknown fields."""

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

T = TypeVar("T")


class Model(BaseModel):
    """The base class of the contract's models: immutable, without unknown fields, written to JSON by alias."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, serialize_by_alias=True)


class Paginated(Model, Generic[T]):  # PEP 695 needs Python 3.12; we run on 3.11
    """One page of a longer listing; `next` is the number of the following page, None on the last."""

    items: tuple[T, ...]
    total: int
    next: int | None = None
