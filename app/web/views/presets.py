"""Recipes by what they show, for who does not want to think of fields."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from app.contract.network import NetworkCard
from app.contract.recipe import Recipe
from app.web.parts import Preset


@dataclass(frozen=True)
class Named:
    name: str
    sentence: str
    changes: Mapping[str, str]


NAMED = (
    Named("Medium", "Change at the pace of an action: what other networks recognise best.", {"speed": "medium"}),
    Named("Slow", "What it looks for when only slow change is allowed.", {"speed": "slow"}),
    Named("Free", "What it looks for when time is left free.", {"speed": "free"}),
    Named(
        "Close-up", "One position of the map alone: the pattern that a single place waits for.", {"objective": "center"}
    ),
    Named("Long run", "Four times the steps: a little stronger, and cleaner.", {"steps": "288"}),
    Named(
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
    Named(
        "Scene",
        "Held closer to what the network saw in training, large shapes first: for networks with batch normalisation.",
        {"bn_prior": "3", "blur": "12", "blur_end": "2.25"},
    ),
)


def presets(
    card: NetworkCard,
    *,
    made: Mapping[str, str] | None = None,
    fill: Callable[[dict[str, str]], str] | None = None,
) -> tuple[Preset, ...]:
    """`made`: the addresses of results that are already there, by recipe key. `fill`: the address of a form with
    these fields filled in.
    """
    known = made or {}
    return tuple(
        Preset(
            name=each.name,
            sentence=each.sentence,
            fields=tuple(each.changes.items()),
            made=known.get(key),
            fills=fill(dict(each.changes)) if fill else None,
        )
        for each, key in zip(NAMED, _keys(card), strict=True)
    )


@lru_cache(maxsize=500)
def _keys(card: NetworkCard) -> tuple[str, ...]:
    return tuple(recipe(each).resolved(card).key() for each in NAMED)


def recipe(named: Named) -> Recipe:
    return Recipe.model_validate(dict(named.changes))
