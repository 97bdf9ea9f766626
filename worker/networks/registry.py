"""The families of networks that a worker can build: ours, those of packages, those in a person's own file."""

import importlib
import importlib.util
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from torch import nn

from app.contract.errors import Conflict, InvalidRequest, UnknownFamily
from app.contract.network import Extent, Stream
from app.settings import settings
from worker.video.flow import DIS, FlowMethod

OURS = (
    "worker.networks.mocap_two_stream",
    "worker.networks.i3d",
    "worker.networks.two_stream",
    "worker.networks.flow_gated",
)
GROUP = "kinetoscope.networks"  # of entry points

log = logging.getLogger(__name__)

Build = Callable[[int], nn.Module]


def as_it_is(name: str) -> str:
    return name


@dataclass(frozen=True)
class Family:
    """`build(classes)` gives a module from `Inputs` (see worker.networks.network) to logits (B, classes)."""

    name: str
    title: str
    summary: str
    build: Build
    streams: tuple[Stream, ...]
    stimulus: Extent
    labels: tuple[str, ...]  # where a network brings none of its own
    sentences: tuple[str, ...]  # what each of these labels is; empty where nobody says
    rename: Callable[[str], str]  # a tensor's name in public weights -> its name in the module
    short_side: (
        int | None
    )  # pixels to which a video is scaled before the central crop; None: see worker.networks.preprocessing
    flow: FlowMethod


_families: dict[str, Family] = {}


def register(
    *,
    name: str,
    title: str,
    streams: Sequence[Stream],
    stimulus: Extent,
    classes: int | Sequence[str] | Mapping[str, str],
    summary: str = "",
    rename: Callable[[str], str] = as_it_is,
    short_side: int | None = None,
    flow: FlowMethod = DIS,
) -> Callable[[Build], Build]:
    """Registers the decorated builder as a family. `classes`: labels, alone or each with a sentence that says what it
    is; or how many where they have none.
    """
    labels = tuple(f"class {index}" for index in range(classes)) if isinstance(classes, int) else tuple(classes)
    sentences = tuple(classes.values()) if isinstance(classes, Mapping) else ()

    def keep(build: Build) -> Build:
        if name in _families:
            raise Conflict(f"There are two families {name!r}: give yours another name.")
        _families[name] = Family(
            name, title, summary, build, tuple(streams), stimulus, labels, sentences, rename, short_side, flow
        )
        return build

    return keep


@cache
def _load_ours() -> None:
    for module in OURS:
        importlib.import_module(module)


@cache
def load_file(path: Path) -> tuple[Family, ...]:
    """Runs a person's own Python file and returns the families that it registered."""
    if not path.is_file():
        raise InvalidRequest(f"There is no file {path}: a family of your own is a Python file that registers it.")
    _load_ours()
    before = set(_families)
    spec = importlib.util.spec_from_file_location(f"kinetoscope_family_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise InvalidRequest(f"{path} is not a Python file: a family's file ends in .py.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        for name in set(_families) - before:
            del _families[name]
        raise InvalidRequest(f"{path} cannot be run: {type(error).__name__}: {error}") from error
    return tuple(family for name, family in _families.items() if name not in before)


@cache
def _load_all() -> None:
    _load_ours()
    for point in entry_points(group=GROUP):
        try:
            point.load()
        except Exception:  # somebody else's package must not take every other network down
            log.exception("The entry point %s = %s cannot be loaded", point.name, point.value)
    for file in settings().families.split(","):
        if file.strip():
            load_file(Path(file.strip()).resolve())


def list_families() -> list[Family]:
    """Every family, by name."""
    _load_all()
    return sorted(_families.values(), key=lambda family: family.name)


def is_file(family: str) -> bool:
    """Whether that names a person's own Python file, not a registered family."""
    return family.endswith(".py")


def find_family(name: str) -> Family:
    """The family of that name, or the one in that Python file."""
    if not is_file(name):
        _load_all()
        if name not in _families:
            raise UnknownFamily(name, _families)
        return _families[name]
    found = load_file(Path(name).resolve())
    if len(found) != 1:
        names = ", ".join(family.name for family in found) or "none"
        raise InvalidRequest(f"{name} must register one family (it registers {names}): see `register` in the registry.")
    return found[0]
