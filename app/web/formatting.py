"""Writes numbers, sizes, times and jobs as pages show them. Every function here is a filter of the templates."""

import re
from datetime import datetime
from functools import lru_cache

from markupsafe import Markup

from app.analysis.findings.words import p_relation
from app.contract.job import AddNetworkJob, Estimate, ExplainJob, Job, JobKind, JobState, SurveyJob, VisualizeJob
from app.contract.network import Extent, Layer, NetworkCard
from app.contract.unit_query import UnitListing

LINE_BREAKS = re.compile(r"(?<=[./])|(?<=_)(?!\d)")  # after a dot, a slash, and an underscore that no digit follows
STEP_NOUNS = {JobKind.VISUALIZE: "step", JobKind.SURVEY: "pass", JobKind.EXPLAIN: "pass", JobKind.ADD_NETWORK: "MB"}


def number(value: float) -> str:
    """Write a count with separators, any other number with three significant digits or so."""
    if isinstance(value, int):
        return f"{value:,}"
    if value and not 1e-3 <= abs(value) < 1e6:
        return f"{value:.2e}"
    digits = 3 if abs(value) < 1 else 2 if abs(value) < 100 else 0
    return f"{value:,.{digits}f}"


def signed(value: float) -> str:
    """Write a number with its sign: `+0.250`, `−12.00`."""
    return f"{'+' if value >= 0 else '−'}{number(abs(value))}"


def percent(value: float) -> str:
    """Write a share from 0 to 1: `12.5%`."""
    return f"{value:.1%}"


def bound(value: float) -> str:
    """Write a limit in full: `0.5`, `64`, `2147483647`."""
    return str(int(value)) if value == int(value) else f"{value:g}"


def p_value(value: float) -> str:
    """Write a p-value after its `p`: `= 0.020`, or `< 0.001`."""
    return p_relation(value)


@lru_cache(maxsize=8192)  # a page has hundreds of bars, many of equal values
def bar_width(value: float) -> float:
    """Return how many percent of its track a bar fills, for a value from 0 to 1."""
    return round(min(max(value, 0.0), 1.0) * 100, 1)


def breakable(name: str) -> Markup:
    """Write a name that may be broken into lines after dots, slashes and underscores; `conv5_2` stays one word."""
    return Markup("<wbr>").join(LINE_BREAKS.split(name))


def plural(count: int, singular: str, plural_form: str = "") -> str:
    """Write a count with its noun: `1 unit`, `2,048 units`."""
    return f"{count:,} {singular if count == 1 else plural_form or singular + 's'}"


def unit_count(units: UnitListing) -> str:
    """Write the length of a listing: `77 units`, or `more than 10,000 units` where counting stopped."""
    return f"more than {units.total:,} units" if units.capped else plural(units.total, "unit")


def file_size(count: int) -> str:
    """Write a number of bytes: `64 kB`."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:.0f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


def map_size(size: Extent) -> str:
    """Write the size of a layer's map: `14 × 14`, or with its frames `14 × 14 × 8`."""
    space = f"{size.height} × {size.width}"
    return f"{space} × {size.frames}" if size.frames > 1 else space


def seen_part(layer: Layer, card: NetworkCard) -> str:
    """Write how much of the input a position of a layer sees: `59 × 59 px in 19 frames`, or `the whole clip`."""
    if card.sees_everything(layer):
        return "the whole clip" if layer.stream == "clip" else "the whole input"
    size = layer.receptive_field
    space = f"{size.height} × {size.width} px"
    return f"{space} in {size.frames} frames" if size.frames > 1 else space


def duration(seconds: float) -> str:
    """Write a time span: `7 s`, `3 min`, `1 h 20 min`."""
    if seconds < 1:
        return "less than a second"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def date_time(at: datetime) -> str:
    """Write a moment: `4 Mar 2026, 09:30 UTC`."""
    return f"{at:%-d %b %Y, %H:%M} UTC"


def cost(estimate: Estimate) -> str:
    """Write what work would take.

    `12 of 24 are there already. The other 12 take about 3 min on one worker, going by 14 results.`
    """
    missing = estimate.count - estimate.cached
    if not missing:
        return "All are there already." if estimate.count > 1 else "It is there already."
    cached = f"{estimate.cached:,} of {estimate.count:,} are there already. " if estimate.cached else ""
    subject = f"The other {missing:,}" if estimate.cached else "They" if missing > 1 else "It"
    verb = "takes" if missing == 1 and not estimate.cached else "take"
    if estimate.seconds is None:
        return f"{cached}{subject} {verb} a time that is not known yet: nothing like it has been made."
    basis = plural(estimate.basis, "result")
    return f"{cached}{subject} {verb} about {duration(estimate.seconds)} on one worker, going by {basis}."


def job_status(job: Job) -> str:
    """Write how far a live job is: `step 31 of 72, 7 s left`, or `shows every clip: 31 of 900`."""
    if job.state is JobState.QUEUED:
        return "Queued"
    if job.cancel_requested:
        return "stops at the next step"
    if job.progress is None:
        return "starts"
    progress = job.progress
    if isinstance(job, ExplainJob) and not progress.step:
        return "reads the clip"
    if progress.stage and progress.steps <= 1:
        return progress.stage
    stage = f"{progress.stage}:" if progress.stage else STEP_NOUNS[job.kind]
    steps = f"{stage} {progress.step:,} of {progress.steps:,}"
    if progress.seconds_left is None:
        return steps
    return f"{steps}, {duration(progress.seconds_left)} left{' of this part' if progress.stage else ''}"


def gigabytes(count: int) -> str:
    """Write bytes as GB, or as MB where they are few."""
    return f"{count / 1e9:,.1f} GB" if count >= 1e8 else f"{max(1, round(count / 1e6))} MB"


def job_title(job: Job) -> str:
    """Write what a job is about: a class, `fc6/12`, `Survey of ucf101`, or `Add the network i3d`."""
    match job:
        case VisualizeJob():
            return job.label or f"{job.layer}/{job.unit}"
        case SurveyJob():
            return f"Survey of {job.dataset}"
        case ExplainJob():
            return f"The clip {job.clip_name}"
        case AddNetworkJob():
            return f"Add the network {job.source}"


def job_details(job: Job) -> str:
    """Write the network, unit and recipe of a job: `i3d, class/171, slow, seed 0`."""
    if not isinstance(job, VisualizeJob):
        return job.network
    unit = [f"{job.layer}/{job.unit}"] if job.label else []
    return ", ".join([job.network, *unit, job.recipe.speed, f"seed {job.recipe.seed}"])


def window_title(title: str) -> str:
    """Write the title of a browser window, which ends in the name of the dashboard."""
    return title if "Kinetoscope" in title else f"{title} · Kinetoscope"
