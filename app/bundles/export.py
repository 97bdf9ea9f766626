"""Writes a bundle: what of the chosen results another server could take in, and what is left out for which reason."""

import hashlib
import io
import json
import os
import struct
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

from app.bundles.archive import MANIFEST, BundleLimits, BundleWriter, medium_name, report_write_errors, write_bundle
from app.bundles.choice import Choice, newest_only
from app.bundles.recipes import require_valid
from app.contract.bundle import (
    BUNDLE_FORMAT,
    NEEDED_ROLE,
    BundledClip,
    BundledMedia,
    BundledNetwork,
    BundledResult,
    BundledSurvey,
    BundledUnit,
    BundleFile,
    Manifest,
)
from app.contract.errors import InvalidRecipe, InvalidRequest, TooLarge
from app.contract.model import Model
from app.contract.network import NetworkCard
from app.contract.recipe import CENTER_VERSION, ENGINE_VERSION
from app.contract.result import MediaRef, MediaRole, Visualization
from app.contract.survey import Survey
from app.contract.version import VERSION
from app.store import Session, datasets, media
from app.store.catalog import networks
from app.store.database.chunks import chunks
from app.store.database.engine import Store
from app.store.results import visualizations
from app.store.surveys import transfer
from app.store.surveys.evidence import get_survey

RESULTS_PER_READ = 100
MEDIA_PER_READ = 50
KINDS_NAMED = 3  # where a bundle is too large
# Lists of a unit that the database packs as float32: their numbers are written with as few digits as tell them apart.
PACKED_LISTS = ("responses", "maxima", "precision")


@dataclass
class ExportReport:
    """What went into a bundle: numbers, bytes by kind, and what was left out with the reasons."""

    results: Counter[str] = field(default_factory=Counter)  # by network
    surveys: list[str] = field(default_factory=list)
    sizes: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    sha256: str = ""


def export_bundle(
    store: Store,
    path: Path,
    choice: Choice,
    *,
    source: str = "",
    max_bytes: int | None = None,
    limits: BundleLimits | None = None,
) -> ExportReport:
    """Write the chosen results into a bundle and return what it holds. The same contents give the same bytes.

    `source` is the address that people know the server by. Results that no server could take in are left out: those
    of an earlier engine, and those of dictionaries, which are this server's own. Raises InvalidRequest where nothing
    is left, TooLarge, with the largest kinds, where the bundle would exceed `max_bytes`.
    """
    report = ExportReport()
    with store.session() as session, ExitStack() as stack, report_write_errors(path):
        contents = _Contents(session, choice, report, stack)
        chosen = _chosen_networks(session, choice)
        bundled = [network for card in chosen if (network := contents.add_network(card)) is not None]
        if not bundled:
            reasons = "".join(f" Left out: {count:,} {what}." for what, count in sorted(report.left_out.items()))
            raise InvalidRequest(f"There is nothing of that to export.{reasons}")
        manifest = Manifest(
            format=BUNDLE_FORMAT,
            version=VERSION,
            engine=ENGINE_VERSION,
            center_engine=CENTER_VERSION,
            source=source,
            networks=tuple(bundled),
            files=tuple(file for file, _ in contents.files),
        )
        with write_bundle(path, limits or BundleLimits()) as writer:
            contents.write(writer, manifest)
            report.bytes = writer.size
            if max_bytes is not None and report.bytes > max_bytes:
                raise TooLarge(_describe_excess(report, max_bytes))
    return report


def _chosen_networks(session: Session, choice: Choice) -> list[NetworkCard]:
    """Return the chosen networks by their slugs. Raises UnknownNetwork, and UnknownLayer for one that none has."""
    slugs = choice.networks or tuple(card.slug for card in networks.list_cards(session))
    cards = [networks.get_card(session, slug=slug) for slug in sorted(set(slugs))]
    for layer in choice.layers:
        if all(each.name != layer for card in cards for each in card.layers):
            for card in cards:
                card.layer(layer)
    return cards


class _Contents:
    """The files of a bundle: texts in temporary files, because the first file tells their checksums, and media."""

    def __init__(self, session: Session, choice: Choice, report: ExportReport, stack: ExitStack) -> None:
        self._session = session
        self._choice = choice
        self._report = report
        self._stack = stack
        self.files: list[tuple[BundleFile, BinaryIO]] = []
        self._media: dict[str, tuple[MediaRef, str]] = {}  # with the kind that the first use of each is counted as

    def add_network(self, card: NetworkCard) -> BundledNetwork | None:
        """Add what is chosen of a network; return None where there is nothing."""
        results = list(self._results(card))
        self._report.results[card.slug] += len(results)
        survey = self._add_survey(card) if self._choice.with_survey else None
        if not results and survey is None:
            return None
        if results:
            self._add_lines(f"{card.slug}/results.jsonl", results)
        return BundledNetwork(
            slug=card.slug,
            title=card.title,
            family=card.family,
            checksum=card.checksum,
            classes=card.classes,
            origin=card.origin,
            results=len(results),
            survey=survey,
        )

    def _results(self, card: NetworkCard) -> Iterator[BundledResult]:
        ids = visualizations.list_result_ids(self._session, card=card)
        taken = [result for result in self._read(ids) if self._takes(card, result)]
        newest = newest_only(taken) if self._choice.newest else {result.id for result in taken}
        for result in taken:
            if result.id not in newest:
                self._report.left_out["results that are not the newest"] += 1
                continue
            refs = tuple(ref for ref in result.media if ref.role not in self._choice.left_out_media)
            bundled = BundledResult(
                layer=result.layer,
                unit=result.unit,
                recipe=result.recipe.to_storage(),
                recipe_key=result.recipe_key,
                measurements=result.measurements.model_copy(update={"reach": None}),
                created_at=result.created_at,
                media=_sorted(refs),
            )
            if _is_finite(bundled):
                for ref in result.media:
                    if ref.role in self._choice.left_out_media:
                        self._report.left_out[f"media `{ref.role.value}` of results"] += 1
                self._add_media(bundled, "of results")
                yield bundled
            else:
                self._report.left_out["results with numbers that are not finite"] += 1

    def _read(self, ids: list[int]) -> Iterator[Visualization]:
        for some in chunks(ids, RESULTS_PER_READ):
            by_id = visualizations.results_by_id(self._session, ids=some)
            yield from (by_id[id] for id in some if id in by_id)

    def _takes(self, card: NetworkCard, result: Visualization) -> bool:
        """Return whether a result is asked for and could be taken in; count it where only the second is false."""
        layer = card.layer(result.layer)
        if not (self._choice.takes_unit(layer, result.unit) and self._choice.takes_recipe(result)):
            return False
        reason = ""
        if layer.dictionary is not None:
            reason = "results of dictionaries, which are this server's own"
        elif result.recipe.key() != result.recipe_key:
            reason = "results of an earlier engine"
        elif result.medium(NEEDED_ROLE) is None:
            reason = "results without a picture"
        else:
            try:
                require_valid(result.recipe, card, result.layer, result.unit)
            except InvalidRecipe:
                reason = "results of recipes that the layer does not take"
        if reason:
            self._report.left_out[reason] += 1
        return not reason

    def _add_survey(self, card: NetworkCard) -> BundledSurvey | None:
        survey = get_survey(self._session, card=card)
        if survey is None:
            self._report.left_out[f"survey of {card.slug}: there is none"] += 1
            return None
        if transfer.measured_dictionaries(self._session, card=card, survey_id=survey.id):
            self._report.left_out[f"survey of {card.slug}: it measured dictionaries, which are this server's own"] += 1
            return None
        before = len(self.files)
        try:
            bundled = self._add_survey_files(card, survey)
        except ValueError:  # of a survey from before such numbers were refused
            del self.files[before:]
            self._report.left_out[f"survey of {card.slug}: it has numbers that are not finite"] += 1
            return None
        self._report.surveys.append(card.slug)
        return bundled

    def _add_survey_files(self, card: NetworkCard, survey: Survey) -> BundledSurvey:
        dataset = datasets.get_dataset(self._session, slug=survey.dataset)
        predictions = transfer.read_predictions(self._session, survey_id=survey.id)
        statistics = transfer.read_statistics(self._session, survey_id=survey.id)
        name = f"{card.slug}/survey"
        bundled = BundledSurvey(
            dataset=dataset.slug,
            title=dataset.title,
            summary=dataset.summary,
            measured_at=transfer.measured_at(survey),
            clips=self._add_lines(f"{name}/clips.jsonl", self._clips(dataset.slug)),
            units=self._add_lines(
                f"{name}/units.jsonl", transfer.read_units(self._session, card=card, survey_id=survey.id)
            ),
            predictions=self._add_lines(f"{name}/predictions.jsonl", predictions),
            feature_statistics=None if statistics is None else hashlib.sha256(statistics).hexdigest(),
            facts=transfer.read_facts(survey),
        )
        if statistics is not None:
            self._add_file(f"{name}/features.safetensors", io.BytesIO(statistics))
        _as_json(bundled)  # before its media are in the bundle
        return bundled

    def _clips(self, slug: str) -> Iterator[BundledClip]:
        roles = () if self._choice.with_videos else (MediaRole.POSTER,)
        for some in chunks(datasets.clip_sources(self._session, slug=slug), RESULTS_PER_READ):
            clips = datasets.clips_by_name(self._session, slug=slug, names=[each.name for each in some], roles=roles)
            for each in some:
                clip = BundledClip(
                    name=each.name,
                    label=each.label,
                    source=each.source,
                    group=each.group,
                    media=_sorted(clips[each.name].media),
                )
                self._add_media(clip, "of clips")
                yield clip

    def _add_media(self, owner: BundledMedia, whose: str) -> None:
        for ref in owner.media:
            self._media.setdefault(ref.sha256, (ref, f"{ref.role.value} {whose}"))

    def _add_lines(self, name: str, lines: Iterable[Model]) -> int:
        """Add a file with a line of JSON for each of these, and return their number."""
        file, count = self._stack.enter_context(TemporaryFile()), 0  # noqa: SIM115
        for line in lines:
            file.write(_as_json(line) + b"\n")
            count += 1
        self._add_file(name, file)
        return count

    def _add_file(self, name: str, file: BinaryIO) -> None:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
        self.files.append((BundleFile(name=name, sha256=digest, size=size), file))

    def write(self, writer: BundleWriter, manifest: Manifest) -> None:
        """Write all files: first what the bundle holds, then texts, then media by their checksums."""
        sizes = self._report.sizes
        sizes["contents"] += writer.add(MANIFEST, io.BytesIO(_as_json(manifest)), compress=True)
        for file, content in self.files:
            kind = file.name.rpartition("/")[2].partition(".")[0]
            sizes[f"texts: {kind}"] += writer.add(file.name, content, compress=True)
        for some in chunks(sorted(self._media), MEDIA_PER_READ):
            contents = media.get_media(self._session, sha256s=some)
            for sha256 in some:
                ref, kind = self._media[sha256]
                sizes[kind] += writer.add(medium_name(ref), io.BytesIO(contents[sha256].data), compress=False)


def _sorted(refs: Iterable[MediaRef]) -> tuple[MediaRef, ...]:
    return tuple(sorted(refs, key=lambda ref: ref.role.value))


def _is_finite(model: Model) -> bool:
    try:
        _as_json(model)
    except ValueError:
        return False
    return True


def _as_json(model: Model) -> bytes:
    """Return a line of JSON, the same for equal models. Raises ValueError for a number that is not finite."""
    body = model.model_dump(mode="json", by_alias=True)
    if isinstance(model, BundledUnit):
        _shorten_packed(body["evidence"])
    text = json.dumps(body, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


def _shorten_packed(evidence: dict[str, Any]) -> None:
    for name in PACKED_LISTS:
        evidence[name] = list(map(_shorten, evidence[name]))
    for clip in (*evidence["top_clips"], *evidence["bottom_clips"]):
        clip["trace"] = list(map(_shorten, clip["trace"]))


def _shorten(value: float) -> float:
    """Return the number of few digits that is the same when it is packed as float32."""
    packed = struct.pack("<f", value)
    choices = (float(f"{value:.{digits}g}") for digits in range(6, 9))
    return next((short for short in choices if struct.pack("<f", short) == packed), value)


def _describe_excess(report: ExportReport, max_bytes: int) -> str:
    largest = ", ".join(f"{size:,} of {kind}" for kind, size in report.sizes.most_common(KINDS_NAMED))
    return (
        f"The bundle would have {report.bytes:,} bytes, and may have {max_bytes:,}. Most of them are {largest}. Leave "
        "out media (--without), or choose fewer results."
    )
