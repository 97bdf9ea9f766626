"""Plans the trials of a session: each class equally often, what the person has not seen first, controls among them."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from app.contract.naming import NamingRequest, PlannedTrial
from app.contract.network import NetworkCard
from app.contract.recipe import Recipe, ResolvedRecipe

SEED_LIMIT = 2**31


@dataclass(frozen=True)
class ClassResult:
    """A stored stimulus of a class."""

    visualization: int
    class_index: int
    recipe_key: str
    recipe: ResolvedRecipe


def choose_results(results: Iterable[ClassResult], card: NetworkCard, request: NamingRequest) -> list[ClassResult]:
    """Return the results that a request asks for, of those that raise their class from noise.

    The default recipe of today and that of before a survey, which measured by what J is divided, are both the default.
    """
    chosen = []
    for each in results:
        recipe = each.recipe
        if not recipe.shows_unit or request.speed not in (None, recipe.speed):
            continue
        if request.seeds is not None and recipe.seed not in request.seeds:
            continue
        if request.recipe == "default" and not is_default(recipe, card):
            continue
        chosen.append(each)
    return chosen


def is_default(recipe: ResolvedRecipe, card: NetworkCard) -> bool:
    """Return whether a recipe leaves all but speed and seed open, whatever the newest survey was when it was made."""
    default = Recipe(speed=recipe.speed, seed=recipe.seed).resolved(card)
    return recipe == default.model_copy(update={"survey_maxima": recipe.survey_maxima})


def plan_trials(
    results: Sequence[ClassResult], *, seen: Collection[tuple[int, str]], trials: int, controls: float, seed: int
) -> list[PlannedTrial]:
    """Return at most `trials` trials in random order, of which a share of `controls` are controls.

    No result is shown twice. Classes take turns, in an order drawn anew each round, so that their numbers differ by one
    at most while each has results left; results that the person has `seen` come last. Controls are made from stimuli
    of the session, whose classes take turns too.
    """
    random = Random(seed)  # noqa: S311  # it hides no secret
    wanted_controls = round(trials * controls)
    shown = _take(_in_turns(results, random, last=seen), max(1, trials - wanted_controls))
    if len(shown) + wanted_controls < trials:  # fewer are stored: controls keep their share
        wanted_controls = round(len(shown) * controls / (1 - controls))
    sources = _take(_cycle(shown, random), min(wanted_controls, trials - len(shown)))
    planned = [(each, False) for each in shown] + [(each, True) for each in sources]
    random.shuffle(planned)
    return [
        PlannedTrial(
            visualization=each.visualization,
            class_index=each.class_index,
            recipe_key=each.recipe_key,
            recipe_seed=each.recipe.seed,
            is_control=is_control,
            seed=random.randrange(SEED_LIMIT),
        )
        for each, is_control in planned
    ]


def shuffled_classes(card: NetworkCard, trial: PlannedTrial) -> tuple[str, ...]:
    """Return the names of all classes in the order in which a trial lists them."""
    return tuple(Random(trial.seed).sample(card.classes, len(card.classes)))  # noqa: S311


def _in_turns(
    results: Sequence[ClassResult], random: Random, last: Collection[tuple[int, str]] = frozenset()
) -> Iterator[ClassResult]:
    """Yield each result once, a class after the other; within a class those in `last` come last."""
    by_class: dict[int, list[ClassResult]] = {}
    for each in random.sample(results, len(results)):
        by_class.setdefault(each.class_index, []).append(each)
    for of_class in by_class.values():
        of_class.sort(key=lambda each: (each.class_index, each.recipe_key) not in last)  # taken from the end
    while by_class:
        for class_index in random.sample(sorted(by_class), len(by_class)):
            yield by_class[class_index].pop()
            if not by_class[class_index]:
                del by_class[class_index]


def _cycle(results: Sequence[ClassResult], random: Random) -> Iterator[ClassResult]:
    while results:
        yield from _in_turns(results, random)


def _take(results: Iterator[ClassResult], count: int) -> list[ClassResult]:
    return [each for _, each in zip(range(count), results, strict=False)]
