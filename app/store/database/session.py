"""The database session: SQLAlchemy's own, with a fast read path and a cache that lasts for one request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, TypeVarTuple

from sqlalchemy import CursorResult, Engine, Row, orm
from sqlalchemy.sql.selectable import TypedReturnsRows

from app.store.database.survey_tables import DatasetRow
from app.store.database.tables import NetworkRow

Columns = TypeVarTuple("Columns")

UnitRecord = Row[*tuple[Any, ...]]  # columns of a unit, as catalog/units.py selects them


class SurveyKey(NamedTuple):
    """A finished survey. The database may use an id again after a survey is deleted, hence the time."""

    id: int
    finished_at: datetime


class UnitCount(NamedTuple):
    """How many units of a layer are alike in all that filters ask of them."""

    layer_index: int
    role: str | None
    visualized: bool
    coding: str | None
    needed_by: int | None  # number of classes, 3 for more
    units: int


@dataclass
class RequestCache:
    """What one session has read already, because a page needs its network and newest survey a dozen times.

    It ends with the session, and a session ends with the request. Functions that write clear what they make stale.
    """

    networks: dict[str, NetworkRow] = field(default_factory=dict)  # by slug
    datasets: dict[str, DatasetRow] = field(default_factory=dict)  # by slug
    newest_surveys: dict[int, SurveyKey | None] = field(default_factory=dict)  # by network id
    units: dict[tuple[int, int, int], UnitRecord] = field(default_factory=dict)  # by network id, layer and unit index
    # by network id and values of the filters; None where there are too many units to count
    unit_counts: dict[tuple[object, ...], list[UnitCount] | None] = field(default_factory=dict)


class Session(orm.Session):
    """A session of the store. `is_read_only` tells that whatever it reads is committed and may be cached for others.

    `clock` tells the time instead of the database's own (see `clock.now`).
    """

    def __init__(
        self, engine: Engine, *, is_read_only: bool = False, clock: Callable[[], datetime] | None = None
    ) -> None:
        super().__init__(engine, expire_on_commit=False)
        self.is_read_only = is_read_only
        self.clock = clock
        self.request_cache = RequestCache()

    def read(
        self, statement: TypedReturnsRows[*Columns], parameters: Mapping[str, object] | None = None
    ) -> CursorResult[*Columns]:
        """Execute a statement that selects columns and no mapped objects, and return its rows.

        `execute` gives the same rows, but takes 110 microseconds of CPU time a statement for what this does in 41: it
        prepares to build mapped objects, of which there are none here. Pages execute up to some thirty statements.
        """
        self.flush()  # as `execute` does: the statement sees what this session has changed
        return self.connection().execute(statement, parameters)
