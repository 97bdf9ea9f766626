"""A module that somebody has in memory, as a network whose units can be visualized."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from app.contract.errors import InvalidRecipe, InvalidRequest, WorkError, closest_names
from app.contract.network import Extent, NetworkCard, Stream, StreamName, make_slug
from app.contract.recipe import RECIPE_FIELD_NAMES, Recipe, ResolvedRecipe
from app.contract.result import Measurements
from worker.maximize.from_recipe import Visualization, maximize_units
from worker.networks.families.notebook import FAMILY
from worker.networks.load import load_built, make_card
from worker.networks.network import Network
from worker.networks.registry import Family, find_family
from worker.networks.stored_config import store_with_config
from worker.notebook.player import draw_player
from worker.notebook.save import Saved, save_stimulus


def trace(
    module: nn.Module,
    *,
    frames: int,
    height: int,
    width: int,
    labels: Sequence[str] | None = None,
    title: str | None = None,
) -> "NotebookNetwork":
    """Find the layers of a module that takes clips (B, 3, frames, height, width), RGB in [-1, 1].

    A copy in eval mode is traced and kept; the module itself stays as it is. `labels` are the names of its classes in
    the order of its outputs; without them, outputs (B, N) are numbered, and a module that returns anything else is an
    encoder without classes. Raises InvalidRequest where the module cannot be copied or run on such clips, or where the
    labels are not as many as its outputs.
    """
    kept = _copy(module)
    stream = Stream(name=StreamName.CLIP, frames=frames, height=height, width=width)
    classes = tuple(labels) if labels is not None else _number_classes(kept, stream)
    name = type(module).__name__
    family = replace(
        find_family(FAMILY),
        title=title or name,
        summary=f"The module {name}, traced in a notebook.",
        build=lambda _: _copy(kept),
        streams=(stream,),
        stimulus=Extent(frames=frames, height=height, width=width),
        labels=classes,
        has_classes=bool(classes),
    )
    weights = _save_weights(kept, name)
    card = make_card(family, weights, classes, slug=make_slug(name) or "module")
    return NotebookNetwork(_load(family, card, weights, kept), weights)


@dataclass(frozen=True, eq=False)
class NotebookNetwork:
    """A traced module; `layers` names what `visualize` takes."""

    network: Network
    weights: bytes

    @property
    def card(self) -> NetworkCard:
        return self.network.card

    @property
    def layers(self) -> dict[str, int]:
        """The number of units of each layer, in the order in which they run."""
        return {layer.name: layer.units for layer in self.card.layers}

    def visualize(self, layer: str, unit: int | str, **recipe: Any) -> "UnitStimulus":
        """Maximize a unit, or a class by its name, and return its stimulus; a cell that ends with it shows a player.

        `recipe` is any field of a recipe: `speed="fast"`, `steps=64`, `seed=1` (docs/method.md). Raises UnknownLayer,
        UnknownUnit, UnknownClass and InvalidRecipe, with what there is; WorkError where the unit cannot be maximized.
        """
        index = self.card.class_index(unit) if isinstance(unit, str) else self.card.unit(layer, unit)[1]
        resolved = _read_recipe(recipe).resolved(self.card)
        resolved.require_statistics(self.card)
        (result,) = maximize_units(self.network, layer, [index], [resolved])
        if isinstance(result.outcome, WorkError):
            raise result.outcome
        return UnitStimulus(self, layer, index, resolved, result.outcome)


@dataclass(frozen=True, eq=False)
class UnitStimulus:
    """The stimulus that maximizes a unit, with what was measured of it."""

    network: NotebookNetwork
    layer: str
    unit: int
    recipe: ResolvedRecipe
    result: Visualization

    @property
    def name(self) -> str:
        """The class of the unit, or its layer and number."""
        card = self.network.card
        return card.classes[self.unit] if card.layer(self.layer).is_class else f"{self.layer}/{self.unit}"

    @property
    def measurements(self) -> Measurements:
        return self.result.measurements

    @cached_property
    def html(self) -> str:
        """The player, as HTML that needs neither a server nor another file."""
        return draw_player(self.result.stimulus, self.name, self.measurements)

    def _repr_html_(self) -> str:
        return self.html

    def save(self, slug: str | None = None) -> Saved:
        """Save the stimulus and, if it is not there yet, its network in the dashboard's database.

        `slug` is the network's name in addresses. Raises NetworkExists where another network has it.
        """
        card = self.network.card if slug is None else self.network.card.model_copy(update={"slug": _check_slug(slug)})
        return save_stimulus(card, self.network.weights, self.layer, self.unit, self.recipe, self.result)


def _copy(module: nn.Module) -> nn.Module:
    try:
        copied = copy.deepcopy(module).eval().requires_grad_(False)
    except Exception as error:
        raise InvalidRequest(
            f"The module cannot be copied ({type(error).__name__}: {error}): build it anew and load its state dict."
        ) from error
    if _take_clip not in copied._forward_pre_hooks.values():
        copied.register_forward_pre_hook(_take_clip)
    return copied


def _take_clip(module: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Give a module the clip alone, where networks here are given all streams by name."""
    first, *rest = arguments
    return (first[StreamName.CLIP], *rest) if isinstance(first, Mapping) else arguments


def _number_classes(module: nn.Module, stream: Stream) -> tuple[str, ...]:
    """Return a name for each output (B, N) of a module; none where it returns anything else."""
    device = next((tensor.device for tensor in module.state_dict().values()), torch.device("cpu"))
    clip = torch.zeros(2, 3, stream.frames, stream.height, stream.width, device=device)
    try:
        with torch.no_grad():
            output = module(clip)
    except Exception as error:
        raise InvalidRequest(
            f"The module cannot run on clips {tuple(clip.shape)}: {type(error).__name__}: {error}"
        ) from error
    is_logits = isinstance(output, Tensor) and output.ndim == 2 and len(output) == 2
    return tuple(f"class {index}" for index in range(output.shape[1])) if is_logits else ()


def _save_weights(module: nn.Module, name: str) -> bytes:
    # copies, because safetensors takes no tensors that share memory
    state = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in module.state_dict().items()}
    return store_with_config(state, name)


def _load(family: Family, card: NetworkCard, weights: bytes, module: nn.Module) -> Network:
    device = next((tensor.device for tensor in module.state_dict().values()), torch.device("cpu"))
    return load_built(family, card, weights, device)


def _check_slug(slug: str) -> str:
    if make_slug(slug) != slug or slug == "api":
        raise InvalidRequest(f"{slug!r} is no name for addresses: take {make_slug(slug)!r}, for example.")
    return slug


def _read_recipe(fields: Mapping[str, Any]) -> Recipe:
    """Return the recipe of some fields. Raises InvalidRecipe, naming fields of similar names."""
    for name in fields:
        if name not in RECIPE_FIELD_NAMES:
            close = closest_names(name, RECIPE_FIELD_NAMES) or list(Recipe.model_fields)
            raise InvalidRecipe(f"A recipe has no field {name!r}. Near: {', '.join(close)}.")
    try:
        return Recipe.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidRecipe(f"Recipe field {'.'.join(map(str, first['loc']))}: {first['msg']}.") from error
