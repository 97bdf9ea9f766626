"""Takes the contents of a verified bundle in: results in short transactions, each survey in one of its own."""

import getpass
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.bundles.archive import BundleLimits, file_digest, open_bundle
from app.bundles.verify import Bundle, VerifiedNetwork, VerifiedResult, verify_bundle
from app.contract.bundle import BundledNetwork, BundledSurvey
from app.contract.dataset import NewClip
from app.contract.errors import BundleMismatch
from app.contract.job import JobState
from app.contract.network import NetworkCard
from app.contract.network_source import SOURCES
from app.store import Session, datasets
from app.store.catalog import networks
from app.store.database.chunks import chunks
from app.store.database.engine import Store
from app.store.jobs.answered import finish_answered
from app.store.results import imports
from app.store.surveys import transfer, writing

RESULTS_PER_TRANSACTION = 20


@dataclass
class ImportReport:
    """What came in, what was here already, and in sentences what was not taken in."""

    results: Counter[str] = field(default_factory=Counter)  # by network
    known: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)  # visualizations that waited for these results
    surveys: list[str] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)


def import_bundle(
    store: Store,
    path: Path,
    *,
    only: Sequence[str] = (),
    dry_run: bool = False,
    replace_survey: bool = False,
    imported_by: str | None = None,
    limits: BundleLimits | None = None,
    results_per_transaction: int = RESULTS_PER_TRANSACTION,
) -> ImportReport:
    """Take in a bundle and return what came of it; with `dry_run` write nothing and return what would come of it.

    Everything is verified first. Results that are here stay; a survey that is here stays too where it is not older,
    unless `replace_survey`. An import that was stopped is finished by another one. `only` takes the networks of these
    slugs in the bundle alone. Raises InvalidBundle and BundleMismatch, and writes nothing then.
    """
    report = ImportReport()
    with store.session() as session:
        cards = networks.list_cards(session)
    with open_verified(path, cards, only=only, limits=limits) as bundle:
        report.sentences += map(describe_unknown, bundle.unknown)
        if not bundle.networks:
            raise BundleMismatch(" ".join(["The bundle has nothing for this server.", *report.sentences]))
        if dry_run:
            with store.session() as session:
                for network in bundle.networks:
                    _count(session, network, report, replace_survey)
            return report
        with store.transaction() as session:
            import_id = note_import(session, bundle, imported_by or account())
        try:
            for network in bundle.networks:
                # The survey first: what it measured of a unit is beside its results at once.
                with store.transaction() as session:
                    bring_in_survey(session, bundle, network, import_id, report, replace=replace_survey)
                for some in chunks(network.results, results_per_transaction):
                    with store.transaction() as session:
                        bring_in_results(session, bundle, network, some, import_id, report)
                with store.transaction() as session:
                    report.answered[network.card.slug] += finish_answered(session, card=network.card)
        finally:
            with store.transaction() as session:
                imports.remove_empty_import(session, import_id=import_id)
    return report


@contextmanager
def open_verified(
    path: Path, cards: Sequence[NetworkCard], *, only: Sequence[str] = (), limits: BundleLimits | None = None
) -> Iterator[Bundle]:
    """Open a bundle of which everything has been verified, for networks of these cards. Raises as `verify_bundle`."""
    digest = file_digest(path)
    with open_bundle(path, limits or BundleLimits()) as reader:
        yield verify_bundle(reader, cards, name=path.name, sha256=digest, only=only)


def note_import(session: Session, bundle: Bundle, imported_by: str) -> int:
    """Note that a bundle is imported and by whom, and return the id by which its results name it."""
    return imports.add_import(
        session, file=bundle.name, sha256=bundle.sha256, source=bundle.manifest.source, imported_by=imported_by
    )


def bring_in_network(session: Session, bundle: Bundle, network: VerifiedNetwork, *, imported_by: str) -> ImportReport:
    """Save the survey and all results of a network in one transaction, for a dashboard that nobody uses yet."""
    report = ImportReport()
    import_id = note_import(session, bundle, imported_by)
    bring_in_survey(session, bundle, network, import_id, report)
    bring_in_results(session, bundle, network, network.results, import_id, report)
    return report


def bring_in_results(
    session: Session,
    bundle: Bundle,
    network: VerifiedNetwork,
    results: Sequence[VerifiedResult],
    import_id: int,
    report: ImportReport,
) -> None:
    """Save results of a network that are not here yet."""
    for result, recipe in results:
        is_new = not imports.has_result(
            session, card=network.card, layer=result.layer, unit=result.unit, recipe_key=result.recipe_key
        ) and imports.save_imported_result(
            session,
            card=network.card,
            result=result,
            recipe=recipe,
            media=bundle.media(result),
            import_id=import_id,
        )
        (report.results if is_new else report.known)[network.card.slug] += 1


def bring_in_survey(
    session: Session,
    bundle: Bundle,
    network: VerifiedNetwork,
    import_id: int,
    report: ImportReport,
    *,
    replace: bool = False,
) -> None:
    """Save the survey of a network with the clips of its data set, unless the one here is to stay."""
    survey = network.bundled.survey
    if survey is None:
        return
    networks.network_row(session, network.card.slug, lock=True)
    reason = why_survey_stays(session, network, survey, replace=replace) or _add_clips(session, bundle, network, survey)
    if reason:
        report.sentences.append(f"The survey of {network.card.slug} was not taken in: {reason}")
        return
    transfer.save_imported_survey(
        session,
        card=network.card,
        survey=survey,
        units=bundle.units(network.bundled),
        predictions=bundle.predictions(network.bundled),
        feature_statistics=bundle.feature_statistics(network.bundled),
        import_id=import_id,
    )
    report.surveys.append(network.card.slug)


def why_survey_stays(session: Session, network: VerifiedNetwork, survey: BundledSurvey, *, replace: bool) -> str:
    """Return why the survey that is here stays in place of the bundle's; an empty text where it does not."""
    here = transfer.find_survey(session, card=network.card, dataset=survey.dataset)
    live = writing.list_live_surveys(session, card=network.card)
    if any(job.dataset == survey.dataset and job.state is JobState.RUNNING for job in live):
        return "the network is being surveyed with these clips just now. Import again when that has ended."
    if here is None:
        return ""
    measured_at = transfer.measured_at(here)
    if measured_at == survey.measured_at:
        return "it is here already."
    if measured_at > survey.measured_at and not replace:
        return (
            f"the one here, of {measured_at:%Y-%m-%d %H:%M} UTC, is newer. --replace-survey takes it in all the same."
        )
    return ""


def _add_clips(session: Session, bundle: Bundle, network: VerifiedNetwork, survey: BundledSurvey) -> str:
    """Add the clips of a survey that its data set lacks here; return why they cannot be those of the data set here."""
    clips = list(bundle.clips(network.bundled))
    if all(each.slug != survey.dataset for each in datasets.list_datasets(session)):
        datasets.add_dataset(session, slug=survey.dataset, title=survey.title, summary=survey.summary)
    known = {clip.name: clip for clip in datasets.clip_sources(session, slug=survey.dataset)}
    other = [clip.name for clip in clips if clip.name in known and known[clip.name].label != clip.label]
    if other or (known and not any(clip.name in known for clip in clips)):
        name = other[0] if other else clips[0].name
        return (
            f"the data set {survey.dataset} here is another one: see its clip {name!r}. Remove it first, or survey "
            "the network here."
        )
    new = (
        NewClip(name=clip.name, label=clip.label, source=clip.source, group=clip.group, media=tuple(bundle.media(clip)))
        for clip in clips
        if clip.name not in known
    )
    datasets.add_clips(session, slug=survey.dataset, clips=new)
    datasets.add_clip_media(
        session,
        slug=survey.dataset,
        media={clip.name: bundle.media(clip) for clip in clips if clip.name in known},
    )
    return ""


def _count(session: Session, network: VerifiedNetwork, report: ImportReport, replace: bool) -> None:
    """Count what would come in."""
    slug, survey = network.card.slug, network.bundled.survey
    for result, _ in network.results:
        is_known = imports.has_result(
            session, card=network.card, layer=result.layer, unit=result.unit, recipe_key=result.recipe_key
        )
        (report.known if is_known else report.results)[slug] += 1
    if survey is not None:
        reason = why_survey_stays(session, network, survey, replace=replace)
        if reason:
            report.sentences.append(f"The survey of {slug} would not be taken in: {reason}")
        else:
            report.surveys.append(slug)


def describe_unknown(network: BundledNetwork) -> str:
    """Return a sentence on a network that is not registered here, with the command that registers it."""
    origin = network.origin
    source = next((each.name for each in SOURCES if each.name == network.slug), None)
    if source is not None:
        command = f"`kinetoscope-worker networks get {source}` adds it"
    elif origin is not None and origin.kind == "hub":
        command = f"`kinetoscope-worker networks add {origin.name}` adds it"
    else:
        command = f"`kinetoscope-worker networks add {network.family} --weights FILE` adds it"
    survey = " and its survey" if network.survey else ""
    return (
        f"The network {network.slug} (weights {network.checksum[:12]}) is not registered here, so that its "
        f"{network.results:,} results{survey} were left out: {command}; then import again."
    )


def account() -> str:
    """Return the name of the account that runs this, as the machine knows it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # an account without a name, as in containers
        return "unknown"
