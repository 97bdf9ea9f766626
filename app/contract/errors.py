"""All errors that a person can meet. Raise the specific one; the edge translates it once.

KinetoscopeError
├── NotFound (404)        UnknownNetwork · UnknownLayer · UnknownUnit · UnknownClass · UnknownFamily
│                         UnknownDataset · UnknownClip · UnknownSource · NoClasses · Missing
├── InvalidRequest (422)  InvalidRecipe · InvalidBundle
├── Conflict (409)        NetworkExists · DatasetExists · BundleMismatch
├── Refused (403)
├── TooLarge (413)
├── UnsupportedMedia (415)
├── TooMany (429)
├── Unavailable (503)     DatabaseNotMigrated · DatabaseNewer · DatabaseForeign · DatabaseDamaged
│                         DatabaseUnreachable · DiskFull (DatabaseFull) · DownloadFailed
├── SetupError            InvalidSettings · PortInUse · FrontendBuildFailed · MotionsMissing      (commands only)
├── WeightsError          WeightsUnreadable · WeightsUnsafe · WeightsMismatch · ChecksumMismatch
├── VideoError            (a clip that cannot be read)
└── WorkError             NotFinite · OutOfMemory · NoGradient · MixedDevices
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar


class KinetoscopeError(Exception):
    """`detail` says what is wrong and what to do next; `extra` goes into the JSON body beside it."""

    kind: ClassVar[str] = "error"
    status: ClassVar[int] = 500

    def __init__(self, detail: str, **extra: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra

    def body(self) -> dict[str, object]:
        """Return the JSON body of an answer that reports the error."""
        return {"error": self.kind, "detail": self.detail, **self.extra}


class NotFound(KinetoscopeError):
    kind = "not_found"
    status = 404


def closest_names(name: str, known: Iterable[str], count: int = 5) -> list[str]:
    """Return the known names most like `name`, then (for a short fragment) those that contain it."""
    names = list(known)
    lowered = {n.lower(): n for n in names}
    close = [lowered[n] for n in get_close_matches(name.lower(), lowered, n=count, cutoff=0.5)]
    close += [n for n in names if name and name.lower() in n.lower() and n not in close]
    return close[:count]


class UnknownName(NotFound):
    """A name that is not there; `near` lists those it may have meant."""

    noun: ClassVar[str] = "name"

    def __init__(self, name: str, known: Iterable[str] = ()) -> None:
        close = closest_names(name, known)
        hint = f" Near: {', '.join(close)}." if close else ""
        super().__init__(f"There is no {self.noun} {name!r}.{hint}", near=close)


class UnknownNetwork(UnknownName):
    kind = "unknown_network"
    noun = "network"


class UnknownLayer(UnknownName):
    kind = "unknown_layer"
    noun = "layer"


class UnknownClass(UnknownName):
    kind = "unknown_class"
    noun = "class"


class UnknownDataset(UnknownName):
    kind = "unknown_dataset"
    noun = "data set"


class UnknownClip(UnknownName):
    kind = "unknown_clip"
    noun = "clip"


class UnknownFamily(UnknownName):
    kind = "unknown_family"
    noun = "family of networks"

    def __init__(self, name: str, known: Iterable[str] = (), failures: Iterable[str] = ()) -> None:
        super().__init__(name, known)
        self.detail += " A family of your own must be in a Python file that KINETOSCOPE_FAMILIES names."
        self.detail += "".join(f" {failure}" for failure in failures)
        self.args = (self.detail,)


class UnknownSource(UnknownName):
    kind = "unknown_source"
    noun = "published network"


class UnknownUnit(NotFound):
    kind = "unknown_unit"

    def __init__(self, layer: str, unit: int, units: int) -> None:
        super().__init__(f"Layer {layer} has no unit {unit}: its {units:,} units are 0 to {units - 1}.", units=units)


class NoClasses(NotFound):
    """Something of classes was asked of a network that has none."""

    kind = "no_classes"

    def __init__(self, network: str) -> None:
        super().__init__(
            f"{network} has no classes: it is an encoder, which was not trained to tell any apart. Look at its layers "
            f"and units; for classes, add a network that was fine-tuned to them.",
            network=network,
        )


class Missing(NotFound):
    """A job, visualization, medium, link or page that is not there."""

    kind = "missing"


class InvalidRequest(KinetoscopeError):
    kind = "invalid_request"
    status = 422


class InvalidRecipe(InvalidRequest):
    kind = "invalid_recipe"


class InvalidBundle(InvalidRequest):
    """A file that is no bundle of results, or a damaged one."""

    kind = "invalid_bundle"


class Conflict(KinetoscopeError):
    kind = "conflict"
    status = 409


class NetworkExists(Conflict):
    kind = "network_exists"


class DatasetExists(Conflict):
    kind = "dataset_exists"


class BundleMismatch(Conflict):
    """A bundle whose results another engine or other weights made than are here."""

    kind = "bundle_mismatch"


class Refused(KinetoscopeError):
    kind = "refused"
    status = 403


class TooLarge(KinetoscopeError):
    kind = "too_large"
    status = 413


class UnsupportedMedia(KinetoscopeError):
    kind = "unsupported_media"
    status = 415


class TooMany(KinetoscopeError):
    kind = "too_many"
    status = 429


class Unavailable(KinetoscopeError):
    kind = "unavailable"
    status = 503


class DownloadFailed(Unavailable):
    """A published file could not be fetched, or not all of it."""

    kind = "download_failed"


class DatabaseNotMigrated(Unavailable):
    kind = "database_not_migrated"


class DatabaseNewer(Unavailable):
    """A later version of this program has migrated the database."""

    kind = "database_newer"


class DatabaseForeign(Unavailable):
    """The tables in the database are those of another program."""

    kind = "database_foreign"


class DatabaseDamaged(Unavailable):
    kind = "database_damaged"


class DatabaseUnreachable(Unavailable):
    kind = "database_unreachable"


class DiskFull(Unavailable):
    kind = "disk_full"


class DatabaseFull(DiskFull):
    """The disk of the database is full, which passes; what needs more room than there is, is another DiskFull."""


class SetupError(KinetoscopeError):
    kind = "setup"


class InvalidSettings(SetupError):
    kind = "invalid_settings"


class PortInUse(SetupError):
    kind = "port_in_use"


class FrontendBuildFailed(SetupError):
    kind = "frontend_build_failed"


class MotionsMissing(SetupError):
    kind = "motions_missing"


class WeightsError(KinetoscopeError):
    kind = "weights"
    status = 422


class WeightsUnreadable(WeightsError):
    kind = "weights_unreadable"


class WeightsUnsafe(WeightsError):
    kind = "weights_unsafe"


class WeightsMismatch(WeightsError):
    kind = "weights_mismatch"


class ChecksumMismatch(WeightsError):
    kind = "checksum_mismatch"


class VideoError(KinetoscopeError):
    kind = "video_unreadable"
    status = 422


class WorkError(KinetoscopeError):
    """The computation itself cannot give a result; the job fails with this detail."""

    kind = "work"


class NotFinite(WorkError):
    kind = "not_finite"


class NoGradient(WorkError):
    kind = "no_gradient"


class OutOfMemory(WorkError):
    kind = "out_of_memory"


class MixedDevices(WorkError):
    kind = "mixed_devices"
