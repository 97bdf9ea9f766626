"""Reads a bundle without trust: nothing is written before every checksum, number and key in it has been found right."""

import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from pydantic import ValidationError

from app.bundles.archive import MANIFEST, BundleReader, medium_name
from app.bundles.recipes import require_valid
from app.bundles.verify_survey import check_survey
from app.contract.bundle import (
    BUNDLE_FORMAT,
    NEEDED_ROLE,
    BundledClip,
    BundledMedia,
    BundledNetwork,
    BundledResult,
    BundledUnit,
    BundleFile,
    Manifest,
)
from app.contract.errors import BundleMismatch, InvalidBundle, KinetoscopeError
from app.contract.model import Model
from app.contract.network import NetworkCard
from app.contract.recipe import ENGINE_VERSION, ResolvedRecipe
from app.contract.result import MediaRef, MediaRole, RenderedMedia
from app.contract.survey import NewClipPrediction

M = TypeVar("M", bound=Model)

ARRAYS = "application/zip"  # the type of a medium that workers unpack


VerifiedResult = tuple[BundledResult, ResolvedRecipe]


@dataclass(frozen=True)
class VerifiedNetwork:
    """A network of a bundle that is registered here, as `card`, with the results of it."""

    bundled: BundledNetwork
    card: NetworkCard
    results: tuple[VerifiedResult, ...]


class Bundle:
    """A bundle of which everything has been verified, in the networks that are registered here.

    `unknown` are the other networks, of which nothing is known. `name` and `sha256` are those of the file.
    """

    def __init__(self, reader: BundleReader, manifest: Manifest, *, name: str, sha256: str) -> None:
        self._reader = reader
        self.manifest = manifest
        self.name = name
        self.sha256 = sha256
        self.networks: list[VerifiedNetwork] = []
        self.unknown: list[BundledNetwork] = []

    def media(self, owner: BundledMedia) -> list[RenderedMedia]:
        """Return the media of a result or clip with their bytes. Raises InvalidBundle where they are others."""
        return [
            RenderedMedia(
                role=ref.role,
                type=ref.type,
                data=self._reader.read(_medium_file(ref)),
                width=ref.width,
                height=ref.height,
                frames=ref.frames,
            )
            for ref in owner.media
        ]

    def clips(self, network: BundledNetwork) -> Iterator[BundledClip]:
        """Yield the clips of the survey of a network."""
        return read_lines(self._reader, f"{network.slug}/survey/clips.jsonl", BundledClip)

    def units(self, network: BundledNetwork) -> Iterator[BundledUnit]:
        """Yield what the survey of a network measured on its units."""
        return read_lines(self._reader, f"{network.slug}/survey/units.jsonl", BundledUnit)

    def predictions(self, network: BundledNetwork) -> Iterator[NewClipPrediction]:
        """Yield what a network predicted for the clips of its survey."""
        return read_lines(self._reader, f"{network.slug}/survey/predictions.jsonl", NewClipPrediction)

    def feature_statistics(self, network: BundledNetwork) -> bytes | None:
        """Return the file of the feature statistics that the survey of a network measured; None where it did not."""
        name = f"{network.slug}/survey/features.safetensors"
        return next((self._reader.read(file) for file in self.manifest.files if file.name == name), None)


def verify_bundle(
    reader: BundleReader, cards: Sequence[NetworkCard], *, name: str, sha256: str, only: Sequence[str] = ()
) -> Bundle:
    """Return a bundle of which everything has been checked that does not need the database.

    `cards` are those of the networks here; `only` takes the networks of these slugs in the bundle alone. Raises
    InvalidBundle, and BundleMismatch where another engine or other weights made its results.
    """
    manifest = _read_manifest(reader)
    slugs = [network.slug for network in manifest.networks]
    if unknown := [slug for slug in only if slug not in slugs]:
        raise InvalidBundle(f"The bundle has nothing of {unknown[0]}, but of {', '.join(slugs)}.")
    for file in manifest.files:
        reader.check(file)
    bundle = Bundle(reader, manifest, name=name, sha256=sha256)
    media: dict[str, MediaRef] = {}
    for network in manifest.networks:
        results = list(read_lines(reader, f"{network.slug}/results.jsonl", BundledResult)) if network.results else []
        if len(results) != network.results:
            raise InvalidBundle(f"The bundle has {len(results):,} results of {network.slug}, not {network.results:,}.")
        clips = list(bundle.clips(network)) if network.survey else []
        for owner in (*results, *clips):
            _collect_media(media, owner)
        if only and network.slug not in only:
            continue
        card = _find_card(network, cards)
        if card is None:
            bundle.unknown.append(network)
            continue
        checked = tuple((result, _check_result(network, card, result)) for result in results)
        if network.survey:
            check_survey(network, network.survey, card, clips, bundle.units(network), list(bundle.predictions(network)))
        bundle.networks.append(VerifiedNetwork(network, card, checked))
    _check_media(reader, manifest, media)
    return bundle


def read_lines(reader: BundleReader, name: str, model: type[M]) -> Iterator[M]:
    """Yield the lines of a file of a bundle, each of which must be one of these. Raises InvalidBundle."""
    for number, line in enumerate(reader.lines(name), start=1):
        yield parse(line, model, f"line {number} of {name}")


def parse(text: bytes, model: type[M], place: str) -> M:
    """Return what JSON from outside describes. Raises InvalidBundle where it is something else."""
    try:
        body = json.loads(text, parse_constant=_refuse_constant)
        if b"\\u0000" in text or b"\0" in text:
            raise InvalidBundle(f"In {place} of the bundle stands a character that no text here may have.")
        return model.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(map(str, first["loc"])) or "it"
        raise InvalidBundle(
            f"In {place} of the bundle, {path} is not what this version stores: {first['msg']}. Perhaps another "
            "version of Kinetoscope made it."
        ) from error
    except (ValueError, RecursionError) as error:
        raise InvalidBundle(f"What stands in {place} of the bundle is no JSON that bundles have.") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _read_manifest(reader: BundleReader) -> Manifest:
    text = reader.read_manifest()
    try:
        head: Any = json.loads(text)
    except (ValueError, RecursionError):
        head = None
    if not isinstance(head, dict) or not isinstance(head.get("format"), int):
        raise InvalidBundle(f"The archive is no bundle: its {MANIFEST} does not tell a format.")
    if head["format"] != BUNDLE_FORMAT:
        raise InvalidBundle(
            f"The bundle has format {head['format']}, and this version of Kinetoscope reads format {BUNDLE_FORMAT}. "
            "Export it again with this version."
        )
    if head.get("engine") != ENGINE_VERSION:
        raise BundleMismatch(
            f"Engine {head.get('engine')} made the results of this bundle, and here is engine {ENGINE_VERSION}, which "
            "gives others for the same recipes. Export it again from a server of this version."
        )
    manifest = parse(text, Manifest, MANIFEST)
    if not manifest.is_of_this_engine:
        raise BundleMismatch(
            "Another version of the engine for the objective `center` made the results of this bundle, which gives "
            "others for the same recipes. Export it again from a server of this version."
        )
    slugs = [network.slug for network in manifest.networks]
    if len(set(slugs)) < len(slugs):
        raise InvalidBundle("The bundle has a network twice.")
    expected = {name for network in manifest.networks for name in _file_names(network)}
    told = [file.name for file in manifest.files]
    if len(set(told)) < len(told) or set(told) != expected:
        odd = sorted(set(told) ^ expected) or told
        raise InvalidBundle(f"The bundle's contents do not fit its networks: see {odd[0]!r}.")
    return manifest


def _file_names(network: BundledNetwork) -> Iterator[str]:
    """Yield the names of the texts that a network has in a bundle."""
    if network.results:
        yield f"{network.slug}/results.jsonl"
    if network.survey:
        yield from (f"{network.slug}/survey/{name}.jsonl" for name in ("clips", "units", "predictions"))
        if network.survey.feature_statistics:
            yield f"{network.slug}/survey/features.safetensors"


def _find_card(network: BundledNetwork, cards: Sequence[NetworkCard]) -> NetworkCard | None:
    """Return the card of the same network here, whatever its slug. Raises BundleMismatch for one that differs."""
    same = [card for card in cards if network.is_same(card)]
    for card in (*(card for card in same if card.slug == network.slug), *same):
        return card
    for card in cards:
        if card.slug == network.slug:
            what = "labels or of another family" if card.checksum == network.checksum else "weights"
            raise BundleMismatch(
                f"The bundle's {network.slug} ({network.checksum[:12]}) is not the network of that name here "
                f"({card.checksum[:12]}): it has other {what}. Take the other networks alone (--network), or remove "
                "the one here and add the bundle's."
            )
    return None


def _check_result(network: BundledNetwork, card: NetworkCard, result: BundledResult) -> ResolvedRecipe:
    """Return the recipe of a result, which must have the result's key and fit the layer."""
    place = f"unit {result.unit} of {result.layer} of {network.slug}"
    try:
        layer, unit = card.unit(result.layer, result.unit)
        recipe = ResolvedRecipe.from_storage(result.recipe)
        require_valid(recipe, card, layer.name, unit)
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidBundle(
            f"A recipe of {place} is none: {'.'.join(map(str, first['loc']))}: {first['msg']}."
        ) from error
    except KinetoscopeError as error:
        raise InvalidBundle(f"A result of {place} cannot be one of the network here: {error.detail}") from error
    if recipe.key() != result.recipe_key:
        raise InvalidBundle(
            f"A result of {place} has the key {result.recipe_key[:12]}, and its recipe gives {recipe.key()[:12]}: "
            "it was changed, or made by another version of Kinetoscope."
        )
    roles = {ref.role for ref in result.media}
    if NEEDED_ROLE not in roles or MediaRole.VIDEO in roles:
        raise InvalidBundle(f"A result of {place} has not the pictures that pages show.")
    return recipe


def _collect_media(media: dict[str, MediaRef], owner: BundledMedia) -> None:
    for ref in owner.media:
        known = media.setdefault(ref.sha256, ref)
        if (known.type, known.size) != (ref.type, ref.size):
            raise InvalidBundle(f"The bundle tells two things of the medium {ref.sha256[:12]}.")


def _check_media(reader: BundleReader, manifest: Manifest, media: dict[str, MediaRef]) -> None:
    """Check that the bundle has exactly the media that its results and clips name, with these checksums."""
    expected = {MANIFEST, *(file.name for file in manifest.files), *map(medium_name, media.values())}
    if strange := sorted(set(reader.names) - expected):
        raise InvalidBundle(f"The bundle has a file {strange[0]!r}, of which its contents do not tell.")
    for ref in media.values():
        data = reader.read(_medium_file(ref))
        if ref.type == ARRAYS and _array_bytes(data) > reader.limits.array_bytes:
            raise InvalidBundle(f"The arrays in {medium_name(ref)} would take {_array_bytes(data):,} bytes.")


def _array_bytes(data: bytes) -> int:
    """Return how many bytes the arrays of an .npz file say they take; 0 for a file that is none."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as arrays:
            return sum(info.file_size for info in arrays.infolist())
    except zipfile.BadZipFile:
        return 0


def _medium_file(ref: MediaRef) -> BundleFile:
    return BundleFile(name=medium_name(ref), sha256=ref.sha256, size=ref.size)
