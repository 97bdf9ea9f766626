"""Finds what the words of a search mean on a network: classes, layers or unit numbers.

Where no class has a word, the classes that have a synonym of it are meant.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

from app.contract.network import NetworkCard

# One group of words for similar movements a line.
SYNONYMS = tuple(
    tuple(line.split(", "))
    for line in """
upside down, upside, handstand, headstand, inverted, cartwheel, backflip, flip, somersault, acrobat, gymnast, tumbl
somersault, roll, tumbl, flip
spin, turn, rotat, whirl, twirl, pirouette, revolv
run, jog, sprint, dash, race, racing
walk, stroll, stride, march, hike, hiking, pace, wander
jump, leap, hop, bounce, bouncing, vault, skipping
punch, box, hit, strike, jab, slap
fight, punch, kick, wrestl, fencing, sword, karate, capoeira, taekwondo
wave, waving, greet, beckon, gestur
crawl, creep, all fours, hands and knees
getup, get up, gets up, getting up, stand up, stands up, rise, rising, arise
lie, lying, recumbent, supine, prone
dance, dancing, ballet, salsa, tango, waltz, choreograph
throw, toss, hurl, fling, pitch, shot put, javelin, discus
catch, grab, grasp
lift, raise, raising, hoist, snatch, deadlift
swim, stroke, dive, diving, snorkel
cycle, cycling, bike, biking, bicycle
skate, skating, rollerblad, skateboard
eat, dine, dining, chew, taste, tasting
drink, sip, beverage
quick, fast, rapid, swift
slow, gradual
slide, sliding, glide, gliding, slip
""".strip().splitlines()
)
FILLERS = frozenset(
    word
    for line in """
a an the of in on at to by with and or over is are it its that who which while does doing being
somebody someone person something human man woman people one
""".splitlines()
    for word in line.split()
)
ENDINGS = ("ing", "ed", "es", "er", "s")
MIN_SIMILARITY = 0.7  # of difflib's ratio
MIN_STEM_LENGTH = 3  # letters of a stem; a word as short must begin one of a class's


@dataclass(frozen=True)
class QueryWord:
    """A word of a search and the indices of the classes that it means.

    `read_as` lists the words of those classes that it was taken to mean, where no class has the word itself. A word
    without classes may still name layers or units: then `is_known` is true.
    """

    text: str
    classes: frozenset[int]
    read_as: tuple[str, ...] = ()
    is_known: bool = True


@lru_cache(maxsize=256)  # a page asks a dozen times
def parse_words(card: NetworkCard, q: str) -> tuple[QueryWord, ...]:
    """Return every word of a search once; filler words such as `the` only where there is nothing else."""
    words = [_read(card, text) for text in dict.fromkeys(q.lower().split())]
    meant = tuple(word for word in words if word.text not in FILLERS)
    return meant or tuple(words)


def _read(card: NetworkCard, text: str) -> QueryWord:
    said = class_texts(card)
    classes = frozenset(index for index, each in enumerate(said) if text in each)
    if classes or _names_units(card, text):
        return QueryWord(text, classes)
    for stem in _stems(text):
        if classes := _with(card, stem):
            return QueryWord(text, classes, (stem,))
    found = {other: _with(card, other) for other in _alike(text)}
    said_so = [other for other, some in found.items() if some]
    read_as = tuple(each for each in said_so if not any(each in other for other in said_so if other != each))
    return QueryWord(text, frozenset().union(*found.values()), read_as, is_known=bool(read_as))


def _names_units(card: NetworkCard, text: str) -> bool:
    place, slash, number = text.rpartition("/")
    is_number = number.isdecimal() and len(number) < 10
    if slash and is_number:
        return any(place in layer.name.lower() and int(number) < layer.units for layer in card.layers)
    if is_number and any(int(number) < layer.units for layer in card.layers):
        return True
    return any(text in layer.name.lower() for layer in card.layers)


def _stems(text: str) -> Iterator[str]:
    for ending in ENDINGS:
        stem = text.removesuffix(ending)
        if stem != text and len(stem) >= MIN_STEM_LENGTH:
            yield stem
            if stem[-1] == stem[-2]:  # flipping
                yield stem[:-1]


def _alike(text: str) -> list[str]:
    """Return the other words of the synonym groups that a word belongs to."""
    forms = {text, *_stems(text)}
    groups = (group for group in SYNONYMS if any(each in forms or _begins(text, each) for each in group))
    return [other for other in dict.fromkeys(other for group in groups for other in group) if other != text]


def _begins(text: str, word: str) -> bool:
    return len(word) > MIN_STEM_LENGTH and text.startswith(word)


def _with(card: NetworkCard, text: str) -> frozenset[int]:
    """Return the classes whose texts contain a word; a short one must begin a word of the text."""
    if len(text) > MIN_STEM_LENGTH:
        return frozenset(index for index, each in enumerate(class_texts(card)) if text in each)
    begins = re.compile(rf"\b{re.escape(text)}").search
    return frozenset(index for index, each in enumerate(class_texts(card)) if begins(each))


def similar_classes(card: NetworkCard, text: str) -> list[str]:
    """Return the classes that have a word spelled like this one."""
    words = {name: split_words(name).lower().split() for name in card.classes}
    close = get_close_matches(text, {word for each in words.values() for word in each}, n=3, cutoff=MIN_SIMILARITY)
    return [name for name, each in words.items() if not set(close).isdisjoint(each)]


@lru_cache(maxsize=500)
def class_texts(card: NetworkCard) -> tuple[str, ...]:
    """Return a lower-case text for each class: its name, the words of its name and its sentence."""
    return tuple(
        f"{name} {split_words(name)} {card.sentence(index)}".lower() for index, name in enumerate(card.classes)
    )


def split_words(name: str) -> str:
    """Return a name such as `BabyCrawling` or `wave_slow` with spaces between its words."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", name)
