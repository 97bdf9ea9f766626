"""Make the card of a network from its family and weights, and load the network that a card describes."""

import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from pydantic import ValidationError
from torch import nn

from app.contract.errors import Conflict, InvalidRequest, KinetoscopeError, WeightsMismatch
from app.contract.network import NetworkCard, make_slug
from worker.networks.dictionary import Directions, attach_dictionaries
from worker.networks.flow_scale import refuse_flow_scale
from worker.networks.labels import read_labels
from worker.networks.layer_recorder import BATCH_NORMS
from worker.networks.memory import check_size, estimate_memory
from worker.networks.network import Network
from worker.networks.omitted import refuse_only_ends
from worker.networks.preprocessing import check_streams
from worker.networks.recognise import MAX_CHECKPOINT_BYTES, recognise
from worker.networks.registry import Family, find_family, is_file
from worker.networks.state_fit import load_state, max_file_bytes
from worker.networks.stimulus_limits import with_limits
from worker.networks.stored_config import read_stored_config
from worker.networks.trace import trace_network
from worker.networks.transformers_directory import read_directory
from worker.networks.weights import (
    SHARD_NAME,
    compute_checksum,
    parse_weights,
    read_weights,
    verify_checksum,
    verify_named_checksum,
)

MAX_NAME_LENGTH = 200  # characters of a layer or a label


def load_network(
    card: NetworkCard,
    weights: bytes,
    device: str | torch.device = "cpu",
    dictionaries: Mapping[str, bytes] | None = None,
) -> Network:
    """Return the frozen network on the device. `weights` are the bytes that the card was made of.

    `dictionaries` are the files of those on the card, by layer. Raises ChecksumMismatch for other weights, Conflict if
    the family's code now gives other layers than the card, or a dictionary of the card is not given.
    """
    verify_checksum(weights, card.checksum)
    return load_built(configured(find_family(card.family), weights), card, weights, device, dictionaries)


def load_built(
    family: Family,
    card: NetworkCard,
    weights: bytes,
    device: str | torch.device = "cpu",
    dictionaries: Mapping[str, bytes] | None = None,
) -> Network:
    """Return the frozen network that a family builds for a card; see `load_network`."""
    module = _build(family, len(card.classes))
    _fill(module, family, weights, is_registered=True)
    found = trace_network(
        module, card.streams, known={layer.name for layer in card.own_layers}, has_classes=bool(card.classes)
    )
    # what a layer sees is not compared, and the network may have layers that tracing did not find when it was added
    traced = iter([(layer.name, layer.units, layer.map) for layer in found.layers])
    if not all((layer.name, layer.units, layer.map) in traced for layer in card.own_layers):
        raise Conflict(
            f"The family {card.family} has changed since the network {card.slug} was added: its layers "
            "differ. Remove the network and add it again."
        )
    points = {layer.name: found.points[layer.name] for layer in card.own_layers}
    module, points = attach_dictionaries(module, points, _read_dictionaries(card, dictionaries or {}))
    return Network(card, module.to(device), points)


def _read_dictionaries(card: NetworkCard, files: Mapping[str, bytes]) -> dict[str, tuple[str, Directions]]:
    missing = [layer.name for layer in card.layers if layer.dictionary is not None and layer.name not in files]
    if missing:
        raise Conflict(
            f"The dictionary {missing[0]} of {card.slug} has been removed meanwhile: load the network again."
        )
    return {
        layer.name: (layer.dictionary.base, Directions.from_bytes(files[layer.name]))
        for layer in card.layers
        if layer.dictionary is not None
    }


def describe_network(
    *,
    family: str,
    weights: Path,
    labels: Path | None = None,
    slug: str | None = None,
    title: str | None = None,
    checksum: str | None = None,
) -> NetworkCard:
    """Return the card of the network in a weights file; see `read_network`."""
    card, _ = read_network(family=family, weights=weights, labels=labels, slug=slug, title=title, checksum=checksum)
    return card


def read_network(
    *,
    family: str,
    weights: Path | None = None,
    labels: Path | None = None,
    slug: str | None = None,
    title: str | None = None,
    checksum: str | None = None,
    flow_scale: float | None = None,
) -> tuple[NetworkCard, bytes]:
    """Return the card of the network in a weights file, and the bytes that `load_network` takes with it.

    `family` is a registered name or a Python file that registers one family. `weights` may be the index of shards. A
    directory that the library transformers saved, or a checkpoint whose family is known by its tensors, is given as
    `family`, without weights.
    `labels` is a file of them (see `labels.py`); the family's labels if not given. `checksum` is the sha256 that the
    weights must have. `flow_scale` is how much the flow input of a checkpoint's network grows with one pixel.
    """
    if weights is None:
        path = Path(family)
        if path.is_file() and not is_file(family):
            return _read_checkpoint(
                None, path, labels=labels, slug=slug, title=title, checksum=checksum, flow_scale=flow_scale
            )
        refuse_flow_scale(flow_scale)
        return _read_directory(family, labels=labels, slug=slug, title=title, checksum=checksum)
    registered = find_family(family)
    if registered.recognise is not None:
        return _read_checkpoint(
            registered, weights, labels=labels, slug=slug, title=title, checksum=checksum, flow_scale=flow_scale
        )
    refuse_flow_scale(flow_scale)
    classes = _read_classes(registered, labels)
    module = _build(registered, len(classes))
    data = read_weights(weights, max_file_bytes(module))
    if checksum is not None:
        verify_checksum(data, checksum)
    try:
        return _make_card(registered, module, data, classes, slug=slug, title=title), data
    except WeightsMismatch as error:
        if not SHARD_NAME.search(weights.name):
            raise
        advice = f"{weights.name} is one shard of several: give the file that lists them, *.index.json."
        raise WeightsMismatch(f"{error.detail} {advice}", **error.extra) from None


def _read_directory(
    source: str, *, labels: Path | None, slug: str | None, title: str | None, checksum: str | None
) -> tuple[NetworkCard, bytes]:
    path = Path(source)
    if not path.is_dir():
        if "/" in source and not is_file(source):
            raise InvalidRequest(
                f"There is no directory {source}. A network of a hub is fetched first: `hf download {source} "
                f"--local-dir {path.name}`, then `networks add {path.name}`."
            )
        find_family(source)  # which tells of an unknown one
        raise InvalidRequest(f"Weights are missing: `networks add {source} --weights FILE`.")
    name, data = read_directory(path, checksum)
    family = configured(find_family(name), data)
    classes = _read_classes(family, labels)
    if family.has_classes and not classes:
        raise InvalidRequest(
            "`id2label` in the config.json must give each output a name of its own: give a file with `--labels`."
        )
    module = _build(family, len(classes))
    slug = make_slug(path.resolve().name) if slug is None else slug
    return _make_card(family, module, data, classes, slug=slug, title=title), data


def _read_checkpoint(
    family: Family | None,
    path: Path,
    *,
    labels: Path | None,
    slug: str | None,
    title: str | None,
    checksum: str | None,
    flow_scale: float | None,
) -> tuple[NetworkCard, bytes]:
    """Return the card and the stored weights of a checkpoint whose family, where none is given, its tensors tell."""
    content = read_weights(path, MAX_CHECKPOINT_BYTES)
    verify_named_checksum(content, path)
    if checksum is not None:
        verify_checksum(content, checksum)
    name, data = recognise(content, path, family, flow_scale)
    found = configured(find_family(name), data)
    classes = _read_classes(found, labels)
    if found.has_classes and not classes:
        raise InvalidRequest(
            f"{path} is of the family {found.title}, and does not say what its outputs mean: give a file with their "
            "names, `--labels FILE`."
        )
    check_size(found.build, len(classes), len(data))
    slug = make_slug(path.resolve().stem) if slug is None else slug
    return _make_card(found, _build(found, len(classes)), data, classes, slug=slug, title=title), data


def _read_classes(family: Family, labels: Path | None) -> Sequence[str]:
    """Return the labels in the file, or else those of the family. Raises InvalidRequest for labels of an encoder."""
    if labels is None:
        return family.labels
    if not family.has_classes:
        raise InvalidRequest(
            f"This {family.title} is an encoder without classes, so the labels in {labels.name} belong to none of its "
            "outputs: leave --labels away, or take a checkpoint that was fine-tuned."
        )
    return read_labels(labels)


def configured(family: Family, weights: bytes) -> Family:
    """Return the family of the network whose config these weights carry; the family itself where they carry none."""
    text = None if family.configure is None else read_stored_config(weights)
    return family if family.configure is None or text is None else family.configure(text)


def make_card(
    family: Family,
    weights: bytes,
    classes: Sequence[str],
    *,
    slug: str | None = None,
    title: str | None = None,
) -> NetworkCard:
    """Return the card of a network, whose layers are found by tracing it.

    Raises WeightsMismatch if the weights do not fit the family, InvalidRequest if streams, labels, slug or title are
    invalid.
    """
    return _make_card(family, _build(family, len(classes)), weights, classes, slug=slug, title=title)


def _make_card(
    family: Family, module: nn.Module, weights: bytes, classes: Sequence[str], *, slug: str | None, title: str | None
) -> NetworkCard:
    check_streams(family)
    _fill(module, family, weights)
    traced = trace_network(module, family.streams, has_classes=family.has_classes)
    layers = traced.layers
    refuse_only_ends(layers, traced.omitted)
    if family.has_classes and layers[-1].units != len(classes):
        raise InvalidRequest(f"There are {len(classes)} labels for a network of {layers[-1].units} classes.")
    _check_names("layer", [layer.name for layer in layers])
    _check_names("label", classes)
    try:
        return NetworkCard(
            slug=family.name if slug is None else slug,
            title=family.title if title is None else title,
            family=family.name,
            checksum=compute_checksum(weights),
            summary=family.summary,
            streams=family.streams,
            layers=with_limits(module, layers, traced.points, family.streams, family.stimulus),
            classes=tuple(classes),
            class_sentences=family.sentences if tuple(classes) == family.labels else (),
            parameters=sum(parameter.numel() for parameter in module.parameters()),
            memory=estimate_memory(module, family.streams),
            normalised=any(isinstance(part, BATCH_NORMS) for part in module.modules()),
            stimulus=family.stimulus,
            short_side=family.short_side,
            omitted=traced.omitted,
        )
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(str(part) for part in problem["loc"])
        raise InvalidRequest(f"The network's {field} is not right: {problem['msg']}.") from None


def _check_names(kind: str, names: Sequence[str]) -> None:
    """Raise InvalidRequest for names that databases and pages cannot hold: too long, or with control characters."""
    for name in names:
        if len(name) > MAX_NAME_LENGTH:
            raise InvalidRequest(
                f"The {kind} {name[:40]!r}... has {len(name)} characters; {MAX_NAME_LENGTH} are taken. "
                "Give it a shorter name."
            )
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
            raise InvalidRequest(f"The {kind} {name!r} has a control character in its name: give it another one.")


def _build(family: Family, classes: int) -> nn.Module:
    try:
        module = family.build(classes)
    except KinetoscopeError:
        raise
    except Exception as error:
        raise InvalidRequest(
            f"The family {family.name} cannot build a network of {classes} classes: {type(error).__name__}: {error}"
        ) from error
    return module.eval().requires_grad_(False)


def _fill(module: nn.Module, family: Family, weights: bytes, *, is_registered: bool = False) -> None:
    content = parse_weights(weights, max_file_bytes(module))
    load_state(module, content, family.rename, is_registered=is_registered)
