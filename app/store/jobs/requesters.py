"""Who asks for work through the web, and how much of it may wait for one person and for one network address."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, func, select

from app.contract.errors import TooMany
from app.store.database.session import Session
from app.store.database.tables import JobRow
from app.store.database.upload_tables import UploadRow
from app.store.jobs.rows import LIVE_STATES

RETRY_AFTER_SECONDS = 60


@dataclass(frozen=True)
class WorkLimits:
    """How many jobs may live, and how many uploaded clips of how many bytes may wait. None sets no limit."""

    jobs: int | None = None
    uploads: int | None = None
    upload_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Requester:
    """Who asks for work: an owner, at a network address, both of which are recorded with new jobs.

    The default is a command, which has neither, and no limits but that of the queue.
    """

    owner: str | None = None
    address: str | None = None
    owner_limits: WorkLimits = field(default_factory=WorkLimits)
    address_limits: WorkLimits = field(default_factory=WorkLimits)
    limits: WorkLimits = field(default_factory=WorkLimits)  # of all together

    def check_jobs(self, session: Session) -> None:
        """Raise TooMany where more jobs live than may. The new ones are among them: a refusal rolls them back."""
        for condition, limits, whose in self._scopes():
            if limits.jobs is None:
                continue
            live = select(JobRow.id).where(JobRow.state.in_(LIVE_STATES), *condition).limit(limits.jobs + 1).subquery()
            if (session.scalar(select(func.count()).select_from(live)) or 0) > limits.jobs:
                raise TooMany(
                    f"With this, more than {limits.jobs:,} jobs {whose} would wait or run, and that is too many. "
                    "Wait or cancel some, and ask again.",
                    limit=limits.jobs,
                    retry_after=RETRY_AFTER_SECONDS,
                )

    def check_uploads(self, session: Session) -> None:
        """Raise TooMany where more uploaded clips wait than may. The new one is among them."""
        for condition, limits, whose in self._scopes():
            waiting = (
                select(func.count(), func.sum(func.length(UploadRow.data)))  # the length is stored: nothing is read
                .select_from(UploadRow)
                .join(JobRow, JobRow.id == UploadRow.job_id)
                .where(*condition)
            )
            count, size = session.execute(waiting).one()
            for value, limit, unit in ((count, limits.uploads, "clips"), (size or 0, limits.upload_bytes, "bytes")):
                if limit is not None and value > limit:
                    raise TooMany(
                        f"With this, more than {limit:,} {unit} of uploads {whose} would wait, and that is too many. "
                        "Ask again when some are explained.",
                        limit=limit,
                        retry_after=RETRY_AFTER_SECONDS,
                    )

    def _scopes(self) -> Iterator[tuple[list[ColumnElement[bool]], WorkLimits, str]]:
        """Yield conditions for jobs, the limits that they have together, and whose they are."""
        if self.owner is not None:
            yield [JobRow.owner == self.owner], self.owner_limits, "of yours"
        if self.address is not None:
            yield [JobRow.address == self.address], self.address_limits, "from your network address"
        yield [], self.limits, "of all"


COMMAND = Requester()
