"""Counts what people named: the rate by network, class, recipe and seed, beside chance and controls."""

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence

from app.contract.interval import Interval, share_interval
from app.contract.naming import AnswerMode, Misnaming, NamedRate, NamingRecord, NamingReport
from app.contract.network import NetworkCard
from app.contract.recipe import ResolvedRecipe

Group = tuple[Hashable, ...]


def first_exposures(records: Iterable[NamingRecord]) -> set[tuple[str, int]]:
    """Return session and number of the trials that showed a person a result for the first time, and of all controls.

    A stimulus that was shown and left without an answer was seen as well. Noise is drawn anew for each control.
    """
    seen: set[tuple[str, str, tuple[int, str]]] = set()
    first = set()
    shown = [each for each in records if each.issued_at is not None]
    for each in sorted(shown, key=lambda each: (each.issued_at, each.session, each.number)):
        exposure = (each.owner, each.network, each.result_key)
        if each.is_control or exposure not in seen:
            first.add((each.session, each.number))
        if not each.is_control:
            seen.add(exposure)
    return first


def make_report(
    records: Sequence[NamingRecord],
    first: Collection[tuple[str, int]],
    cards: Mapping[str, NetworkCard],
    recipes: Mapping[str, ResolvedRecipe],
) -> NamingReport:
    """Return the rates of the answers in `records`, of which only those to `first` exposures count.

    `cards` are by slug and `recipes` by key.
    """
    answered = [each for each in records if each.is_answered and each.has_ended]
    judged = [each for each in answered if each.is_right is not None]
    counted = [each for each in judged if (each.session, each.number) in first]
    groups = {key: recipe.model_copy(update={"seed": 0}).key() for key, recipe in recipes.items()}

    def rates(key_of: Callable[[NamingRecord], tuple[str, str]], *, by_mode: bool = False) -> tuple[NamedRate, ...]:
        by_key: dict[Group, list[NamingRecord]] = {}
        for each in counted:
            mode = (each.shown, each.answers) if by_mode else ()
            by_key.setdefault((*key_of(each), *mode), []).append(each)
        return tuple(
            _rate(str(key[1]), cards[of_key[0].network], of_key, by_mode=by_mode)
            for key, of_key in sorted(by_key.items(), key=lambda item: tuple(map(str, item[0])))
        )

    return NamingReport(
        sessions=len({each.session for each in answered}),
        people=len({each.owner for each in answered}),
        repeated=len(judged) - len(counted),
        unjudged=len(answered) - len(judged),
        networks=rates(lambda each: (each.network, each.network), by_mode=True),
        classes=rates(lambda each: (each.network, class_name(cards, each))),
        recipes=rates(lambda each: (each.network, groups[each.recipe_key])),
        seeds=tuple(
            sorted(
                rates(lambda each: (each.network, str(each.recipe_seed))),
                key=lambda each: (each.network, int(each.group)),
            )
        ),
        misnamings=_misnamings([each for each in counted if not each.is_control], cards),
    )


def class_name(cards: Mapping[str, NetworkCard], record: NamingRecord) -> str:
    return cards[record.network].classes[record.class_index]


def chance(card: NetworkCard, modes: set[AnswerMode]) -> float | None:
    """Return the rate of blind guesses at a list of all classes, None where some answers were free words."""
    return 1 / len(card.classes) if modes == {AnswerMode.LIST} else None


def _rate(group: str, card: NetworkCard, records: Sequence[NamingRecord], *, by_mode: bool) -> NamedRate:
    stimuli = [each for each in records if not each.is_control]
    controls = [each for each in records if each.is_control]
    return NamedRate(
        group=group,
        network=card.slug,
        shown=records[0].shown if by_mode else None,
        answers=records[0].answers if by_mode else None,
        rate=_share(stimuli),
        named=_right(stimuli),
        answered=len(stimuli),
        people=len({each.owner for each in records}),
        chance=chance(card, {each.answers for each in records}),
        control_rate=_share(controls),
        control_named=_right(controls),
        control_answered=len(controls),
    )


def _right(records: Sequence[NamingRecord]) -> int:
    return sum(bool(each.is_right) for each in records)


def _share(records: Sequence[NamingRecord]) -> Interval | None:
    return share_interval(_right(records) / len(records), len(records)) if records else None


def _misnamings(records: Sequence[NamingRecord], cards: Mapping[str, NetworkCard]) -> tuple[Misnaming, ...]:
    """Return what stimuli were taken for where that was wrong, the most frequent first."""
    asked = Counter((each.network, each.class_index) for each in records)
    taken = Counter((each.network, each.class_index, each.answer) for each in records if not each.is_right)
    return tuple(
        Misnaming(
            network=network,
            class_name=cards[network].classes[index],
            taken_for="" if answer is None else cards[network].classes[answer],
            count=count,
            of=asked[network, index],
        )
        for (network, index, answer), count in taken.most_common()
    )
