"""How pages say numbers, sizes, times and states. Every function here is a filter of the templates."""

from datetime import datetime

from app.contract.catalog import Extent
from app.contract.job import Job, JobState


def number(value: float) -> str:
    """Counts with separators; other numbers with three digits that matter."""
    if isinstance(value, int):
        return f"{value:,}"
    if value and not 1e-3 <= abs(value) < 1e6:
        return f"{value:.2e}"
    digits = 3 if abs(value) < 1 else 2 if abs(value) < 100 else 0
    return f"{value:,.{digits}f}"


def share(value: float) -> str:
    return f"{value:.1%}"


def bound(value: float) -> str:
    """A limit in full: `0.5`, `64`, `2147483647`."""
    return str(int(value)) if value == int(value) else f"{value:g}"


def duration(seconds: float) -> str:
    if seconds < 1:
        return "less than a second"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def moment(at: datetime) -> str:
    return f"{at:%-d %b %Y, %H:%M} UTC"


def extent(value: Extent) -> str:
    space = f"{value.height} × {value.width}"
    return f"{space} × {value.frames}" if value.frames > 1 else space


def size(count: int) -> str:
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:.0f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


def plural(count: int, one: str, many: str = "") -> str:
    """`1 unit`, `2,048 units`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def sight(field: Extent) -> str:
    """What a position of a layer sees: `59 × 59 px in 19 frames`."""
    space = f"{field.height} × {field.width} px"
    return f"{space} in {field.frames} frames" if field.frames > 1 else space


def standing(job: Job) -> str:
    """Where a live job is: `step 31 of 72, 7 s left`."""
    if job.state is JobState.QUEUED:
        return "waits in the queue"
    if job.cancel_requested:
        return "stops at the next step"
    if job.progress is None:
        return "starts"
    place, left = job.progress, job.progress.seconds_left
    step = f"step {place.step} of {place.steps}"
    return step if left is None else f"{step}, {duration(left)} left"


def origin(job: Job) -> str:
    """Whose job it is: `i3d, class/171, slow, seed 0`."""
    unit = [f"{job.layer}/{job.unit}"] if job.label else []
    return ", ".join([job.network, *unit, job.recipe.speed, f"seed {job.recipe.seed}"])


def window_title(title: str) -> str:
    return title if "Kinetoscope" in title else f"{title} · Kinetoscope"
