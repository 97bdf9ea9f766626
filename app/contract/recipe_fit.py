"""Which recipes a layer can be computed under, and the sentences for those that it cannot."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from app.contract.errors import InvalidRecipe
from app.contract.network import Layer, NetworkCard, StreamName
from app.contract.recipe_defaults import FIGURE_DEFAULTS

if TYPE_CHECKING:
    from app.contract.recipe import ResolvedRecipe

FLOW_UNIT_PX = 20  # one standard unit of motion is 20 px
MAX_SIZE_SHARE = 0.75  # of the bound that the mean length of flow vectors can be held to
# Fields that the prior `figure` does not use, each with its default
WITHOUT_EFFECT: Mapping[str, object] = {
    "optimizer": "momentum",
    "weight_decay": 0.3,
    "weight_decay_until": 0.75,
    "tolerance": 0.0,
    "blur_end": 1.5,
    "motion_size": None,
    "count": 1,
    **{
        name: FIGURE_DEFAULTS[name]
        for name in ("step_size", "blur", "bound", "frame_equalization", "focus", "center_bias", "time_path")
    },
}
MAX_ENERGY_WEIGHT = 1e36  # energy / bound^alpha, which single precision must hold


def require_fit(recipe: "ResolvedRecipe", card: NetworkCard, layer: Layer, units: Sequence[int] = ()) -> None:
    """Raise InvalidRecipe where a layer cannot be computed from a stimulus of the recipe's size, length and bound.

    Raise it also for a position or for other units that the layer does not have, and where nothing is left to subtract
    from one of `units`. That it does not raise is no promise: of some networks only trying tells.
    """
    _require_position(recipe, card, layer)
    _require_others(recipe, layer, units)
    require_group(recipe)
    _require_motion_size(recipe, card)
    if recipe.prior == "figure":
        _require_figure(recipe, card, layer)
    _require_focus_map(recipe, card, layer)
    _require_start(recipe, card)
    own = card.stimulus
    has_clip = any(stream.name is StreamName.CLIP for stream in card.streams)
    if not has_clip and recipe.frames != own.frames:
        raise InvalidRecipe(
            f"{card.title} takes no clips: its streams have a fixed length. Leave `frames` empty (or {own.frames})."
        )
    smallest_bound = recipe.bound * min(stream.bound for stream in card.streams)
    if recipe.energy / MAX_ENERGY_WEIGHT > smallest_bound**recipe.alpha:
        raise InvalidRecipe(
            f"`bound` {recipe.bound:g} to the power of `alpha` {recipe.alpha:g} is too small to compute with. Choose a "
            "larger `bound`, a smaller `alpha`, or 0 for `energy`."
        )
    chosen = (("size", recipe.size, layer.sizes, own.height), ("frames", recipe.frames, layer.lengths, own.frames))
    for name, value, ranges, own_value in chosen:
        if ranges and not any(first <= value <= last for first, last in ranges):
            taken = ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in ranges)
            raise InvalidRecipe(
                f"{layer.name} of {card.title} cannot be computed where `{name}` is {value}: it takes {taken}. "
                f"Leave `{name}` empty for the network's own, {own_value}."
            )


def _require_figure(recipe: "ResolvedRecipe", card: NetworkCard, layer: Layer) -> None:
    names = {stream.name for stream in card.streams}
    if names != {StreamName.APPEARANCE, StreamName.MOTION}:
        raise InvalidRecipe(f"The prior `figure` needs appearance and flow, which {card.title} does not have together.")
    if layer.stream != "fusion":
        raise InvalidRecipe(
            f"The prior `figure` needs appearance and flow, and {layer.name} sees {layer.stream} alone: choose a layer "
            "after the streams meet."
        )
    if recipe.is_of_one_position:
        raise InvalidRecipe("A figure is a whole scene: with the prior `figure`, `objective` must be `channel`.")
    sides = {side for stream in card.streams for side in (stream.height, stream.width)}
    if len(sides) > 1:
        raise InvalidRecipe(f"The prior `figure` draws square pictures, and those of {card.title} are not.")
    changed = [name for name, value in WITHOUT_EFFECT.items() if getattr(recipe, name) != value]
    if changed:
        raise InvalidRecipe(
            f"`{changed[0]}` has no effect on the prior `figure`, whose scene is climbed by steps of its own: leave it "
            "empty."
        )


def _require_motion_size(recipe: "ResolvedRecipe", card: NetworkCard) -> None:
    if recipe.motion_size is None:
        return
    bounds = [stream.bound for stream in card.streams if stream.name is StreamName.MOTION]
    if not bounds:
        raise InvalidRecipe(f"{card.title} has no motion stream, whose motion could be held to a size: leave it empty.")
    largest = MAX_SIZE_SHARE * recipe.bound * bounds[0] * FLOW_UNIT_PX
    if recipe.motion_size > largest:
        raise InvalidRecipe(
            f"`motion_size` {recipe.motion_size:g} px is too large: with `bound` {recipe.bound:g} no flow vector of "
            f"{card.title} may be longer than {recipe.bound * bounds[0] * FLOW_UNIT_PX:g} px, so that the mean is at "
            f"most {largest:g} px. Choose less, or a larger `bound`."
        )


def _require_focus_map(recipe: "ResolvedRecipe", card: NetworkCard, layer: Layer) -> None:
    if recipe.focus_map == "own":
        return
    if recipe.is_of_one_position:
        raise InvalidRecipe(
            "`focus_map` shared is for the objective `channel`: the stimulus of one position shows what that position "
            "sees, and has no place to gather in. Leave it at `own`."
        )
    if recipe.focus == 0:
        raise InvalidRecipe("`focus_map` shared does nothing where `focus` is 0: set `focus` to 1, or leave it at own.")
    if len(card.streams) < 2 or layer.stream != "fusion":
        raise InvalidRecipe(
            f"{layer.name} of {card.title} sees one stream alone, and there is no other one to share a focus with: "
            "leave `focus_map` at `own`."
        )


def _require_start(recipe: "ResolvedRecipe", card: NetworkCard) -> None:
    if not recipe.start_clip:
        return
    if recipe.is_of_one_position:
        raise InvalidRecipe(
            "A clip is accentuated for the objective `channel`, the whole map: choose that one, or leave `start_clip` "
            "empty."
        )
    if recipe.prior == "figure":
        raise InvalidRecipe(
            "A figure is a scene of its own, and starts from no clip: choose another `prior`, or leave `start_clip` "
            "empty."
        )
    if recipe.motion_size is not None:
        raise InvalidRecipe(
            "An accentuated clip has the motion of the clip and what is added to it: leave `motion_size` empty."
        )
    own = card.stimulus
    if (recipe.size, recipe.frames) != (own.height, own.frames):
        raise InvalidRecipe(
            f"A clip is accentuated as {card.title} sees it, {own.frames} frames of {own.height} px: leave `size` and "
            "`frames` empty."
        )


def require_statistics(recipe: "ResolvedRecipe", card: NetworkCard) -> None:
    """Raise InvalidRecipe where the feature statistics prior needs a survey that was never made."""
    has_prior = recipe.bn_prior > 0 and not recipe.is_of_one_position
    if has_prior and not recipe.feature_statistics and card.statistics_layers:
        raise InvalidRecipe(
            f"`bn_prior` {recipe.bn_prior:g} holds features to statistics, and {card.title} has none: it has no batch "
            "normalisation, and no survey has measured its features yet. Survey the network first (again, where its "
            "survey is of an earlier version), or set `bn_prior` to 0."
        )


def require_newest_maxima(recipe: "ResolvedRecipe", card: NetworkCard) -> None:
    """Raise InvalidRecipe where a recipe names the a_hat of another survey than the newest, which are not known."""
    if recipe.survey_maxima not in ("", "unrecorded", card.survey_maxima):
        raise InvalidRecipe(
            f"`survey_maxima` names the a_hat of a survey of {card.title}, {recipe.survey_maxima[:12]}, that has been "
            "removed, or replaced by a newer one. Leave it empty for those of the newest."
        )


def _require_position(recipe: "ResolvedRecipe", card: NetworkCard, layer: Layer) -> None:
    size = (layer.map.frames, layer.map.height, layer.map.width)
    last = ",".join(str(side - 1) for side in size)
    if recipe.objective != "position":
        if recipe.position is not None:
            raise InvalidRecipe("`position` is for the objective `position`: choose that, or leave it empty.")
        return
    if recipe.position is None:
        raise InvalidRecipe(
            f"The objective `position` needs `position`: frame, row and column of the map of {layer.name}, 0,0,0 to "
            f"{last} at the network's own size."
        )
    is_own_size = all((each.height, each.frames) == (recipe.size, recipe.frames) for each in card.streams)
    if is_own_size and any(at >= side for at, side in zip(recipe.position, size, strict=True)):
        raise InvalidRecipe(
            f"{layer.name} of {card.title} has no position {','.join(map(str, recipe.position))} (frame, row, column): "
            f"its map has {' x '.join(map(str, size))} positions, 0,0,0 to {last}."
        )


def _require_others(recipe: "ResolvedRecipe", layer: Layer, units: Sequence[int]) -> None:
    if recipe.minus is None:
        return
    others = set(range(layer.units)) if recipe.minus == "others" else set(recipe.minus)
    if unknown := [unit for unit in sorted(others) if unit >= layer.units]:
        raise InvalidRecipe(
            f"`minus` names unit {unknown[0]}, and the units of {layer.name} are 0 to {layer.units - 1}."
        )
    for unit in units:
        if not others - {unit}:
            raise InvalidRecipe(
                f"Nothing is left to subtract from unit {unit} of {layer.name}: a unit is not subtracted from itself. "
                "Name another one in `minus`, or ask for other units."
            )


def require_group(recipe: "ResolvedRecipe") -> None:
    """Raise InvalidRecipe where the fields for several stimuli that must differ contradict each other."""
    if (recipe.count > 1) != (recipe.diversity > 0):
        raise InvalidRecipe(
            "`diversity` and `count` go together: how much the stimuli must differ, and how many there are, 2 or more."
        )
    if recipe.member >= recipe.count or recipe.seed < recipe.member:
        raise InvalidRecipe(
            f"There is no `member` {recipe.member} with seed {recipe.seed} among {recipe.count} stimuli: members are "
            "0 to `count` - 1, and each has the seed of the first plus its number. Leave `member` empty."
        )
