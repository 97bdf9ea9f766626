"""`kinetoscope-worker findings`: run the protocol of findings on a network."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from app.analysis.findings import make_findings
from app.analysis.findings.protocol import changed_constants, read_protocol, read_thresholds
from app.contract.errors import InvalidRequest
from app.contract.findings import Claim, Findings
from app.contract.interval import Interval
from app.contract.protocol import SURVEY_SEED, Protocol
from app.contract.survey_part import SurveyPart
from app.store import datasets
from app.store.catalog import networks
from app.store.database.engine import Store
from app.store.surveys import evidence
from app.store.surveys.findings import get_findings_data
from app.terminal import report_errors
from worker.cli.common import open_database, out
from worker.cli.progress import make_progress
from worker.cli.survey import run_survey


@report_errors
def findings(
    protocol: Annotated[Path, typer.Argument(help="findings.toml, saved from a network's findings page.")],
    network: Annotated[str, typer.Argument(help="Slug of the network to run it on.")],
    json: Annotated[Path | None, typer.Option(help="A file to write the findings to, with the protocol.")] = None,
) -> None:
    """Run a protocol on a network: survey what is missing with its data, then judge by its thresholds."""
    if not protocol.is_file():
        raise InvalidRequest(f"There is no file {protocol}. Save a protocol from a network's findings page.")
    wanted = read_protocol(protocol.read_text())
    store = open_database()
    check_seed(wanted)
    check_data(store, wanted)
    if parts := missing_parts(store, network, wanted):
        with make_progress() as progress:
            run_survey(store, network, wanted.dataset, parts, progress)
    with store.session() as session:
        data = get_findings_data(session, card=networks.get_card(session, slug=network))
    assert data is not None, "it has been surveyed"
    found = make_findings(replace(data, thresholds=read_thresholds(wanted)))
    check_constants(wanted, found)
    print_claims(found)
    if json:
        json.write_text(found.model_dump_json(indent=2, by_alias=True))


def check_seed(protocol: Protocol) -> None:
    """Raise InvalidRequest for a seed that surveys cannot draw with."""
    if protocol.seed != SURVEY_SEED:
        raise InvalidRequest(f"Surveys draw with seed {SURVEY_SEED}; the protocol asks for {protocol.seed}.")


def check_data(store: Store, protocol: Protocol) -> None:
    """Print a warning where the data set's clips are not those of the protocol. Raises UnknownDataset."""
    with store.session() as session:
        known = datasets.get_dataset(session, slug=protocol.dataset)
        digest = datasets.clips_digest(session, slug=protocol.dataset)
    if protocol.clips_digest and digest != protocol.clips_digest:
        out.print(
            f"[yellow]other clips[/] The data set {protocol.dataset} has {known.clips:,} clips here, and they are not "
            f"those of the protocol ({protocol.clips:,}): a difference in the findings can come from them.",
            highlight=False,
        )


def check_constants(wanted: Protocol, found: Findings) -> None:
    """Print a warning where numbers in the code were others when the findings of the protocol were made."""
    if found.protocol and (changed := changed_constants(wanted, found.protocol)):
        out.print(
            f"[yellow]other constants[/] {', '.join(changed)}: a difference in the findings can come from them, which "
            "are no thresholds of the protocol but numbers in the code.",
            highlight=False,
        )


def missing_parts(store: Store, network: str, protocol: Protocol) -> tuple[SurveyPart, ...]:
    """Return the parts of the protocol that the network's newest survey, if it is with the same data, does not have."""
    with store.session() as session:
        survey = evidence.get_survey(session, card=networks.get_card(session, slug=network))
    wanted = protocol.parts or tuple(SurveyPart)
    if survey is None or survey.dataset != protocol.dataset:
        return wanted
    measured = {each.part for each in survey.parts}
    return tuple(part for part in wanted if part not in measured)


def print_claims(found: Findings) -> None:
    """Print the claims as a table, finding by finding."""
    for finding in found.findings:
        out.print(f"[bold]{escape(finding.title)}[/]: {finding.verdict}", highlight=False)
        if not finding.claims:
            for sentence in finding.sentences:
                out.print(f"  {escape(sentence)}", highlight=False)
            continue
        table = Table("claim", "verdict", "effect", "null", "control", "p", "n", "groups")
        for claim in finding.claims:
            table.add_row(claim.name, claim.verdict, *claim_cells(claim))
        out.print(table)


def claim_cells(claim: Claim) -> tuple[str, ...]:
    """Return the numbers of a claim: effect, null, control, p, n and groups."""
    p_value = "" if claim.p_value is None else f"{claim.p_value:.3g}"
    groups = "" if claim.groups is None else f"{claim.groups:,}"
    n = f"{claim.n:,} {claim.counted}" if claim.n else ""
    return (*map(interval_cell, (claim.effect, claim.null, claim.control)), p_value, n, groups)


def interval_cell(interval: Interval | None) -> str:
    return f"{interval.value:.3g} ({interval.low:.3g} to {interval.high:.3g})" if interval else ""
