"""What a search was taken to mean: which classes each of its words names, and which words mean nothing here."""

from dataclasses import dataclass

from app.analysis.vocabulary import read, resembling
from app.contract.network import NetworkCard
from app.contract.unit_query import UnitListing
from app.web import urls
from app.web.parts import Neighbour

NAMED = 8  # classes of a word
FEW = 60  # classes that are all offered by name


@dataclass(frozen=True)
class Meant:
    """Words that name the same classes: those, as far as they are listed, and how many more there are. `read_as`:
    the classes' own words, where they have not this one.
    """

    words: tuple[str, ...]
    read_as: tuple[str, ...]
    classes: tuple[Neighbour, ...]
    more: int


@dataclass(frozen=True)
class Search:
    """`near`: classes whose names are like the words left out. `offers`: all classes, where nothing was found and they
    are few.
    """

    meant: tuple[Meant, ...]
    together: tuple[Neighbour, ...] | None  # the classes that all of them name, where they do not name the same
    left_out: tuple[str, ...]
    near: tuple[Neighbour, ...]
    offers: tuple[Neighbour, ...]
    classes: str  # the address of all of them


def search(card: NetworkCard, q: str | None, found: UnitListing) -> Search | None:
    """None without words, and for a network without classes."""
    if not q or not card.classes:
        return None
    groups: dict[tuple[frozenset[int], tuple[str, ...]], list[str]] = {}
    for word in read(card, q):
        if word.classes:
            groups.setdefault((word.classes, word.read_as), []).append(word.text)
    both = sorted(frozenset.intersection(*(classes for classes, _ in groups))) if len(groups) > 1 else None
    alike = dict.fromkeys(name for word in found.left_out for name in resembling(card, word))
    return Search(
        meant=tuple(
            Meant(
                words=tuple(words),
                read_as=read_as,
                classes=tuple(_class(card, card.classes[index]) for index in sorted(classes)[:NAMED]),
                more=max(0, len(classes) - NAMED),
            )
            for (classes, read_as), words in groups.items()
        ),
        together=None if both is None else tuple(_class(card, card.classes[index]) for index in both[:NAMED]),
        left_out=found.left_out,
        near=tuple(_class(card, name) for name in alike)[:NAMED],
        offers=tuple(_class(card, name) for name in card.classes)
        if not found.total and len(card.classes) <= FEW
        else (),
        classes=urls.classes(card.slug),
    )


def _class(card: NetworkCard, name: str) -> Neighbour:
    return Neighbour(name, urls.class_(card.slug, name))
