"""The registry of network families: built in, from installed packages, and from people's own Python files."""

import hashlib
import importlib
import importlib.util
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from torch import Tensor, nn

from app.contract.errors import Conflict, InvalidRequest, UnknownFamily
from app.contract.network import Extent, Stream
from app.settings import settings
from worker.networks.path_lists import split_list
from worker.video.flow import DIS, FlowMethod

BUILT_IN_MODULES = (
    "worker.networks.families.mocap_two_stream",
    "worker.networks.families.i3d",
    "worker.networks.families.two_stream",
    "worker.networks.families.flow_gated",
    "worker.networks.families.video_transformers",
    "worker.networks.families.c3d",
    "worker.networks.families.mmaction",
    "worker.networks.families.matconvnet",
    "worker.networks.families.torchvision_video",
    "worker.networks.families.pytorchvideo",
    "worker.networks.families.late_fusion",
    "worker.networks.families.notebook",
)
ENTRY_POINT_GROUP = "kinetoscope.networks"

log = logging.getLogger(__name__)

Builder = Callable[[int], nn.Module]


@dataclass(frozen=True)
class Recognised:
    """What a family reads from a checkpoint that it knows: the network's config, and its tensors."""

    config: str  # what `Family.configure` takes; it is stored with the weights
    state: Mapping[str, Tensor]  # under the names in the module, or in `Family.rename`'s public weights


# Takes tensors by name, without wrappers, and the whole content of the file; gives None for another family's.
Recogniser = Callable[[Mapping[str, Tensor], Mapping[str, object]], Recognised | None]


def same_name(name: str) -> str:
    """Return the name: tensors in the weights are named as in the module."""
    return name


@dataclass(frozen=True)
class Family:
    """A kind of network that can be built for any number of classes.

    `build(classes)` returns a module whose `forward(inputs)` maps the inputs by stream to logits (B, classes); that of
    an encoder without classes may return anything, and is asked for 0.
    """

    name: str
    title: str
    summary: str
    build: Builder
    streams: tuple[Stream, ...]
    stimulus: Extent
    labels: tuple[str, ...]  # of the classes, for networks that come without labels of their own
    sentences: tuple[str, ...]  # one for each label, saying what the class is; or empty
    rename: Callable[[str], str]  # a tensor's name in public weights -> its name in the module
    short_side: int | None  # pixels that videos are scaled to before the crop; None: see worker.networks.preprocessing
    flow: FlowMethod
    # for families whose weights carry a config of the network: makes the family of that network from it
    configure: "Callable[[str], Family] | None" = None
    # for families whose checkpoints are known by their tensors: `networks add FILE` asks it
    recognise: Recogniser | None = None
    # for families that may average over frames: makes the config of the network for one frame, beside a motion stream
    take_one_frame: Callable[[str], str] | None = None
    has_classes: bool = True  # False for encoders, which have neither labels nor a class layer


_families: dict[str, Family] = {}
_failures: list[str] = []  # why files of the settings and entry points could not be loaded, each as a sentence


def register(
    *,
    name: str,
    title: str,
    streams: Sequence[Stream],
    stimulus: Extent,
    classes: int | Sequence[str] | Mapping[str, str],
    summary: str = "",
    rename: Callable[[str], str] = same_name,
    short_side: int | None = None,
    flow: FlowMethod = DIS,
    configure: Callable[[str], Family] | None = None,
    recognise: Recogniser | None = None,
    take_one_frame: Callable[[str], str] | None = None,
) -> Callable[[Builder], Builder]:
    """Register the decorated builder as a family.

    `classes` is the labels, a mapping from each label to a sentence that says what the class is, or only their number;
    0 for an encoder without classes.
    Raises Conflict if another family has this name.
    """
    labels = tuple(f"class {index}" for index in range(classes)) if isinstance(classes, int) else tuple(classes)
    sentences = tuple(classes.values()) if isinstance(classes, Mapping) else ()

    def decorate(build: Builder) -> Builder:
        if name in _families:
            raise Conflict(f"There are two families {name!r}: give yours another name.")
        _families[name] = Family(
            name,
            title,
            summary,
            build,
            tuple(streams),
            stimulus,
            labels,
            sentences,
            rename,
            short_side,
            flow,
            configure,
            recognise,
            take_one_frame,
            has_classes=bool(labels),
        )
        return build

    return decorate


def unregister(name: str) -> None:
    """Remove a family, as is done when the file that registered it fails later on."""
    del _families[name]


@cache
def _load_built_in() -> None:
    for module in BUILT_IN_MODULES:
        importlib.import_module(module)


@cache
def load_file(path: Path) -> tuple[Family, ...]:
    """Run a person's own Python file and return the families that it registers.

    Raises InvalidRequest if the file does not exist or cannot be run; then none of its families are registered.
    """
    if not path.is_file():
        raise InvalidRequest(f"There is no file {path}: a family of your own is a Python file that registers it.")
    _load_built_in()
    before = set(_families)
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:12]  # files of one name in two folders are two modules
    spec = importlib.util.spec_from_file_location(f"kinetoscope_family_{path.stem}_{digest}", path)
    if spec is None or spec.loader is None:
        raise InvalidRequest(f"{path} is not a Python file: a family's file ends in .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module  # where dataclasses look annotations up
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[module.__name__]
        for name in set(_families) - before:
            unregister(name)
        raise InvalidRequest(f"{path} cannot be run: {type(error).__name__}: {error}") from error
    return tuple(family for name, family in _families.items() if name not in before)


def load_files(paths: str) -> list[str]:
    """Run the Python files of a list of paths, separated by commas; return a sentence for each that cannot be run.

    A path may hold commas itself, if there is a file of that name.
    """
    failures = []
    for path in split_paths(paths):
        try:
            load_file(path.resolve())
        except InvalidRequest as error:
            failures.append(error.detail)
    return failures


def split_paths(paths: str) -> list[Path]:
    """Return the paths of a list that commas separate; parts that a file's name joins with commas stay together."""
    return [Path(path) for path in split_list(paths, os.path.isfile)]


def load_entry_points() -> list[str]:
    """Import the families that installed packages offer; return a sentence for each that cannot be imported."""
    failures = []
    for point in entry_points(group=ENTRY_POINT_GROUP):
        try:
            point.load()
        except (Exception, SystemExit) as error:
            failures.append(
                f"The entry point {point.name} = {point.value} cannot be loaded: {type(error).__name__}: {error}"
            )
    return failures


@cache
def _load_all() -> None:
    """Load every family once. One that cannot be loaded must not make every other network unusable."""
    _load_built_in()
    _failures.extend([*load_entry_points(), *(f"KINETOSCOPE_FAMILIES: {f}" for f in load_files(settings().families))])
    for failure in _failures:
        log.error("%s", failure)


def list_failures() -> list[str]:
    """Return a sentence for each file of the settings and each entry point that could not be loaded."""
    _load_all()
    return list(_failures)


def list_families() -> list[Family]:
    """Return every family, sorted by name."""
    _load_all()
    return sorted(_families.values(), key=lambda family: family.name)


def is_file(family: str) -> bool:
    """Return whether this is the path of a Python file and not the name of a registered family."""
    return family.endswith(".py")


def find_family(name: str) -> Family:
    """Return the family of this name, or the one that this Python file registers.

    Raises UnknownFamily, with similar names, for a name that is not registered; InvalidRequest if the file does not
    register exactly one family.
    """
    if not is_file(name):
        _load_all()
        if name not in _families:
            raise UnknownFamily(name, _families, failures=_failures)
        return _families[name]
    families = load_file(Path(name).resolve())
    if len(families) != 1:
        names = ", ".join(family.name for family in families) or "none"
        raise InvalidRequest(f"{name} must register one family (it registers {names}): see `register` in the registry.")
    return families[0]
