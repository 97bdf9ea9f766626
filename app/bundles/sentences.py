"""What the commands say of a bundle that was written or taken in."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from app.bundles.archive import file_digest
from app.bundles.bring_in import ImportReport
from app.bundles.export import ExportReport
from app.contract.bundle import Import


def describe_export(report: ExportReport, path: Path) -> Iterator[str]:
    """Yield lines on what a bundle holds, by kind, and what was left out."""
    yield f"{path}: {report.bytes:,} bytes, sha256 {file_digest(path)}"
    for network, results in report.results.items():
        survey = " and its survey" if network in report.surveys else ""
        yield f"  {network}: {_count(results, 'result')}{survey}"
    for kind, size in report.sizes.most_common():
        yield f"  {size:>13,} bytes of {kind}"
    for what, count in sorted(report.left_out.items()):
        yield f"Left out: {count:,} {what}."


def describe_import(report: ImportReport, *, dry_run: bool) -> Iterator[str]:
    """Yield lines on what came in, or would come in, and what did not."""
    verb = "Would import" if dry_run else "Imported"
    for network in sorted({*report.results, *report.known, *report.surveys}):
        survey = " and the survey" if network in report.surveys else ""
        known = f"; {report.known[network]:,} are here already" if report.known[network] else ""
        yield f"{verb} {_count(report.results[network], 'result')}{survey} of {network}{known}."
        if report.answered[network]:
            yield f"{_count(report.answered[network], 'queued job')} of {network} waited for such results and are done."
    yield from report.sentences


def describe_imports(imports: Iterable[Import]) -> Iterator[str]:
    """Yield a line on each bundle that was imported."""
    for each in imports:
        source = f", made at {each.source}" if each.source else ""
        surveys = f" and {_count(each.surveys, 'survey')}" if each.surveys else ""
        yield (
            f"{each.imported_at:%Y-%m-%d %H:%M} UTC, {each.imported_by}: {each.file} ({each.sha256[:12]}{source}), "
            f"{_count(each.results, 'result')}{surveys}"
        )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
