"""The parts of a survey on the command line: which are wanted, how long they may take, and what they cost."""

from collections.abc import Iterator, Mapping

from rich.markup import escape
from rich.table import Table

from app.contract.errors import InvalidRequest
from app.contract.survey import Survey
from app.contract.survey_part import SurveyPart
from worker.cli.common import out


def parse_parts(text: str) -> tuple[SurveyPart, ...] | None:
    """Return the parts that a text with commas names, None for an empty one. Raises InvalidRequest."""
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in list(SurveyPart):
            raise InvalidRequest(f"There is no part {name!r} of a survey: they are {', '.join(SurveyPart)}.")
    return tuple(part for part in SurveyPart if part in names) or None


def estimate_lines(estimates: Mapping[SurveyPart, float], wanted: tuple[SurveyPart, ...] | None) -> Iterator[str]:
    """Yield how long each part may take, as far as earlier surveys of the network tell."""
    parts = wanted or tuple(SurveyPart)
    known = {part: estimates[part] for part in parts if part in estimates}
    if known:
        each = ", ".join(f"{part} {describe_seconds(seconds)}" for part, seconds in known.items())
        yield f"At most {describe_seconds(sum(known.values()))}, as earlier surveys took: {each}."
    unknown = [part for part in parts if part not in known]
    if unknown:
        when = "its clips are recorded" if SurveyPart.RECORD in unknown else "the survey counts their passes"
        yield f"[dim]Not measured before with this network, so told once {when}: {', '.join(unknown)}.[/]"


def print_parts(survey: Survey) -> None:
    """Print what each part took, where its time went, and which parts have no result."""
    table = Table("part", "passes", "time", "decoding", "forward", "rest")
    for part in survey.parts:
        shares = (part.decode_seconds, part.forward_seconds, part.rest_seconds)
        texts = ["" if value is None else f"{value / max(part.seconds, 1e-9):.0%}" for value in shares]
        passes = "" if part.passes is None else f"{part.passes:,}"
        table.add_row(part.part, passes, describe_seconds(part.seconds), *texts)
    out.print(table)
    for omitted in survey.omitted:
        out.print(f"[yellow]without {omitted.part}[/]: {escape(omitted.reason)}", highlight=False)


def describe_seconds(seconds: float) -> str:
    """Write a time span: `0.4 s`, `7 s`, `3 min`."""
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
