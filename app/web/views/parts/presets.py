"""Ready-made recipes, named by what they show."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from app.contract.network import NetworkCard
from app.contract.recipe import Recipe


@dataclass(frozen=True)
class PresetRecipe:
    """A ready-made recipe: what it changes in the default one."""

    name: str
    description: str
    changes: Mapping[str, str]

    def fields(self, card: NetworkCard) -> dict[str, str]:
        """Return what it changes for a network; a prior that needs a survey is left out where there is none."""
        has_no_statistics = card.statistics_layers and not card.feature_statistics
        return {key: value for key, value in self.changes.items() if key != "bn_prior" or not has_no_statistics}


PRESET_RECIPES = (
    PresetRecipe("Medium", "Change at the pace of an action.", {"speed": "medium"}),
    PresetRecipe("Slow", "What it looks for when only slow change is allowed.", {"speed": "slow"}),
    PresetRecipe("Free", "What it looks for when time is left free.", {"speed": "free"}),
    PresetRecipe(
        "Close-up", "One position of the map alone: the pattern that a single place waits for.", {"objective": "center"}
    ),
    PresetRecipe("Long run", "Four times the steps: a little stronger, and cleaner.", {"steps": "288"}),
    PresetRecipe(
        "Still scene",
        "One scene that changes slowly, large shapes first, three times the steps: the clearest look at clips.",
        {
            "speed": "slow",
            "steps": "216",
            "bn_prior": "2",
            "blur": "12",
            "blur_end": "3",
            "weight_decay": "0.12",
            "weight_decay_until": "0.9",
            "contrast": "0",
        },
    ),
    PresetRecipe(
        "Scene",
        "Held closer to the statistics of data, large shapes first: for networks with batch normalisation or a survey.",
        {"bn_prior": "3", "blur": "12", "blur_end": "2.25"},
    ),
)


@dataclass(frozen=True)
class Preset:
    """A ready-made recipe as a page offers it.

    `result_href` is the address of its result where there is one, `form_href` that of a form filled in with it. With
    neither, the page has a button that asks for the visualization at once.
    """

    name: str
    description: str
    fields: tuple[tuple[str, str], ...]
    result_href: str | None = None
    form_href: str | None = None


def list_presets(
    card: NetworkCard,
    *,
    result_hrefs: Mapping[str, str] | None = None,
    form_href: Callable[[dict[str, str]], str] | None = None,
) -> tuple[Preset, ...]:
    """Return the ready-made recipes to choose from.

    `result_hrefs` are addresses of results by recipe key. `form_href` gives the address of a form that is filled in
    with these fields.
    """
    hrefs = result_hrefs or {}
    return tuple(
        Preset(
            name=preset.name,
            description=preset.description,
            fields=tuple(preset.fields(card).items()),
            result_href=hrefs.get(key),
            form_href=form_href(preset.fields(card)) if form_href else None,
        )
        for preset, key in zip(PRESET_RECIPES, _recipe_keys(card), strict=True)
    )


@lru_cache(maxsize=500)
def _recipe_keys(card: NetworkCard) -> tuple[str, ...]:
    return tuple(Recipe.model_validate(preset.fields(card)).resolved(card).key() for preset in PRESET_RECIPES)
