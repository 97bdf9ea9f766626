"""How pages say numbers, sizes, times and states. Every function here is a filter of the templates."""

import re
from datetime import datetime
from functools import lru_cache
from html import escape

from markupsafe import Markup

from app.contract.job import Estimate, ExplainJob, Job, JobKind, JobState, SurveyJob, VisualizeJob
from app.contract.network import Extent
from app.contract.unit_query import UnitListing
from app.web.parts import Share

BREAKS = re.compile(r"(?<=[./])|(?<=_)(?!\d)")


def number(value: float) -> str:
    """Counts with separators; other numbers with three digits that matter."""
    if isinstance(value, int):
        return f"{value:,}"
    if value and not 1e-3 <= abs(value) < 1e6:
        return f"{value:.2e}"
    digits = 3 if abs(value) < 1 else 2 if abs(value) < 100 else 0
    return f"{value:,.{digits}f}"


def signed(value: float) -> str:
    """With its sign, for what adds or takes away."""
    return f"{'+' if value >= 0 else '−'}{number(abs(value))}"


def share(value: float) -> str:
    return f"{value:.1%}"


@lru_cache(maxsize=8192)  # names of layers come again and again
def breakable(name: str) -> Markup:
    """A name that may go on in a new line after each dot, slash and underscore; `conv5_2` is one word."""
    return Markup("<wbr>").join(BREAKS.split(name))


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


def cost(estimate: Estimate) -> str:
    """`12 of 24 are there already. The other 12 take about 3 min on one worker, going by 14 results.`"""
    left = estimate.count - estimate.cached
    if not left:
        return "All are there already." if estimate.count > 1 else "It is there already."
    begin = f"{estimate.cached:,} of {estimate.count:,} are there already. " if estimate.cached else ""
    which = f"The other {left:,}" if estimate.cached else "They" if left > 1 else "It"
    verb = "takes" if left == 1 and not estimate.cached else "take"
    if estimate.seconds is None:
        return f"{begin}{which} {verb} a time that nobody knows yet: nothing like it has been made."
    basis = plural(estimate.basis, "result")
    return f"{begin}{which} {verb} about {duration(estimate.seconds)} on one worker, going by {basis}."


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


def tallied(units: UnitListing) -> str:
    """`77 units`, or `more than 10,000 units` where counting stopped."""
    return f"more than {units.total:,} units" if units.capped else plural(units.total, "unit")


def sight(field: Extent) -> str:
    """What a position of a layer sees: `59 × 59 px in 19 frames`."""
    space = f"{field.height} × {field.width} px"
    return f"{space} in {field.frames} frames" if field.frames > 1 else space


STEPS = {JobKind.VISUALIZE: "step", JobKind.SURVEY: "pass", JobKind.EXPLAIN: "pass"}


def standing(job: Job) -> str:
    """Where a live job is: `step 31 of 72, 7 s left`, or `shows every clip: 31 of 900`."""
    if job.state is JobState.QUEUED:
        return "waits in the queue"
    if job.cancel_requested:
        return "stops at the next step"
    if job.progress is None:
        return "starts"
    place, left = job.progress, job.progress.seconds_left
    if isinstance(job, ExplainJob) and not place.step:
        return "reads the clip"
    step = f"{f'{place.stage}:' if place.stage else STEPS[job.kind]} {place.step:,} of {place.steps:,}"
    if left is None:
        return step
    return f"{step}, {duration(left)} left{' of this part' if place.stage else ''}"


def origin(job: Job) -> str:
    """Whose job it is: `i3d, class/171, slow, seed 0`."""
    if not isinstance(job, VisualizeJob):
        return job.network
    unit = [f"{job.layer}/{job.unit}"] if job.label else []
    return ", ".join([job.network, *unit, job.recipe.speed, f"seed {job.recipe.seed}"])


def work_title(job: Job) -> str:
    """What a job is about: a class, `fc6/12`, or `Survey of ucf101`."""
    match job:
        case VisualizeJob():
            return job.label or f"{job.layer}/{job.unit}"
        case SurveyJob():
            return f"Survey of {job.dataset}"
        case ExplainJob():
            return f"The clip {job.clip_name}"


def window_title(title: str) -> str:
    return title if "Kinetoscope" in title else f"{title} · Kinetoscope"


PAPER = """@inproceedings{feichtenhofer2018learned,
  title = {What have we learned from deep representations for action recognition?},
  author = {Feichtenhofer, Christoph and Pinz, Axel and Wildes, Richard P. and Zisserman, Andrew},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition},
  year = {2018}
}"""


def cited(share: Share) -> str:
    """A view in a text: what it shows and where it is."""
    return f"{share.title}. {share.description} Kinetoscope, {share.address}"


def bibtex(share: Share) -> str:
    """The paper whose method it is, and the view."""
    special = {"\\": "\\textbackslash{}"} | {each: f"\\{each}" for each in "&%$#_{}"}
    title = "".join(special.get(letter, letter) for letter in share.title)
    key = "".join(letter for letter in share.title.split(" · ")[0].lower() if letter.isascii() and letter.isalnum())
    view = [f"@misc{{kinetoscope-{key[:30] or 'view'},", f"  title = {{{title}}},"]
    return "\n".join([PAPER, *view, f"  howpublished = {{Kinetoscope, \\url{{{share.address}}}}}", "}"])


def frame_tag(share: Share) -> str:
    """What another site puts into its page."""
    return f'<iframe src="{share.embed}" width="720" height="420" title="{escape(share.title)}"></iframe>'
