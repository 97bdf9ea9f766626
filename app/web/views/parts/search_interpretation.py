"""How a search is understood: the classes that its words name, and the words that name none."""

from dataclasses import dataclass

from app.analysis.vocabulary import parse_words, similar_classes
from app.contract.network import NetworkCard
from app.contract.unit_query import UnitListing
from app.web import urls
from app.web.views.parts.navigation import NamedLink

MAX_CLASSES_LISTED = 8  # for each word
MAX_CLASSES_OFFERED = 60  # a network with more classes has a link to its list of classes instead


@dataclass(frozen=True)
class MatchedWords:
    """Words of a search that name the same classes.

    `read_as` are the words that stood in for them, where no class has the words themselves. `more_classes` counts the
    classes beyond those listed.
    """

    words: tuple[str, ...]
    read_as: tuple[str, ...]
    classes: tuple[NamedLink, ...]
    more_classes: int


@dataclass(frozen=True)
class SearchInterpretation:
    """How a search was understood.

    `common_classes` are named by all matched words; None where the matched words name the same classes anyway.
    `similar_classes` have names like the unknown words. `offered_classes` are all classes, where nothing was found and
    they are few.
    """

    matched_words: tuple[MatchedWords, ...]
    common_classes: tuple[NamedLink, ...] | None
    unknown_words: tuple[str, ...]
    similar_classes: tuple[NamedLink, ...]
    offered_classes: tuple[NamedLink, ...]
    classes_href: str  # of the list of all classes

    @property
    def has_content(self) -> bool:
        return bool(self.matched_words or self.unknown_words)


def interpret_search(card: NetworkCard, q: str | None, units: UnitListing) -> SearchInterpretation | None:
    """Return what the words of `q` mean, or None without words and for a network without classes.

    `units` is the listing that the search gave.
    """
    if not q or not card.classes:
        return None
    words_by_meaning: dict[tuple[frozenset[int], tuple[str, ...]], list[str]] = {}
    for word in parse_words(card, q):
        if word.classes:
            words_by_meaning.setdefault((word.classes, word.read_as), []).append(word.text)
    common = None
    if len(words_by_meaning) > 1:
        common = sorted(frozenset.intersection(*(classes for classes, _ in words_by_meaning)))
    similar = dict.fromkeys(name for word in units.left_out for name in similar_classes(card, word))
    offers_all = not units.total and len(card.classes) <= MAX_CLASSES_OFFERED

    def links(indices: list[int]) -> tuple[NamedLink, ...]:
        return tuple(_class_link(card, card.classes[index]) for index in indices[:MAX_CLASSES_LISTED])

    return SearchInterpretation(
        matched_words=tuple(
            MatchedWords(
                words=tuple(words),
                read_as=read_as,
                classes=links(sorted(classes)),
                more_classes=max(0, len(classes) - MAX_CLASSES_LISTED),
            )
            for (classes, read_as), words in words_by_meaning.items()
        ),
        common_classes=None if common is None else links(common),
        unknown_words=units.left_out,
        similar_classes=tuple(_class_link(card, name) for name in similar)[:MAX_CLASSES_LISTED],
        offered_classes=tuple(_class_link(card, name) for name in card.classes) if offers_all else (),
        classes_href=urls.classes(card.slug),
    )


def _class_link(card: NetworkCard, name: str) -> NamedLink:
    return NamedLink(name, urls.class_(card.slug, name))
