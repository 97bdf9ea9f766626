"""Finds what the words of a search mean on a network: classes, layers or unit numbers.

A word that no class has stands for the classes that have one of its synonyms.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

from app.contract.network import NetworkCard

# Each line is a group of words for similar movements.
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
FILLER_WORDS = frozenset(
    word
    for line in """
a an the of in on at to by with and or over is are it its that who which while does doing being
somebody someone person something human man woman people one
""".splitlines()
    for word in line.split()
)
MAX_UNIT_DIGITS = 9  # of a unit's number; a longer one is no number of a unit
MAX_SIMILAR_WORDS = 3  # for which classes are suggested
ENDINGS = ("ing", "ed", "es", "er", "s")
MIN_SIMILARITY = 0.7  # difflib's ratio of two words, from 0 to 1
MIN_STEM_LENGTH = 3  # letters; a word that is no longer matches only the beginnings of a class's words


@dataclass(frozen=True)
class QueryWord:
    """A word of a search and the indices of the classes that it means.

    Where no class has the word itself, `read_as` lists the synonyms or the stem by which the classes were found.
    `is_known` is false for a word that names neither classes nor layers nor units.
    """

    text: str
    classes: frozenset[int]
    read_as: tuple[str, ...] = ()
    is_known: bool = True


@lru_cache(maxsize=256)  # a page parses the same search a dozen times
def parse_words(card: NetworkCard, q: str) -> tuple[QueryWord, ...]:
    """Return the words of a search, each once; filler words such as `the` only where there are no others."""
    words = [_parse_word(card, text) for text in dict.fromkeys(q.lower().split())]
    without_fillers = tuple(word for word in words if word.text not in FILLER_WORDS)
    return without_fillers or tuple(words)


def _parse_word(card: NetworkCard, text: str) -> QueryWord:
    classes = frozenset(index for index, class_text in enumerate(class_texts(card)) if text in class_text)
    if classes or _names_units(card, text):
        return QueryWord(text, classes)
    for stem in _stems(text):
        if classes := _classes_with(card, stem):
            return QueryWord(text, classes, (stem,))
    matches = {synonym: matched for synonym in _synonyms(text) if (matched := _classes_with(card, synonym))}
    # `read_as` leaves out synonyms that are a part of another one, as `flip` is of `backflip`.
    read_as = tuple(word for word in matches if not any(word in other for other in matches if other != word))
    return QueryWord(text, frozenset().union(*matches.values()), read_as, is_known=bool(read_as))


def _names_units(card: NetworkCard, text: str) -> bool:
    """Return whether a word is part of a layer's name, the number of a unit, or an address such as Mixed_4f/12."""
    layer_name, slash, number = text.rpartition("/")
    is_number = number.isdecimal() and len(number) <= MAX_UNIT_DIGITS
    if slash and is_number:
        return any(layer_name in layer.name.lower() and int(number) < layer.units for layer in card.layers)
    if is_number and any(int(number) < layer.units for layer in card.layers):
        return True
    return any(text in layer.name.lower() for layer in card.layers)


def _stems(text: str) -> Iterator[str]:
    """Yield the word without an English ending: of `flipping` both `flipp` and `flip`."""
    for ending in ENDINGS:
        stem = text.removesuffix(ending)
        if stem != text and len(stem) >= MIN_STEM_LENGTH:
            yield stem
            if stem[-1] == stem[-2]:
                yield stem[:-1]


def _synonyms(text: str) -> list[str]:
    """Return the other words of the synonym groups that a word belongs to."""
    forms = {text, *_stems(text)}
    groups = (group for group in SYNONYMS if any(word in forms or _begins_with(text, word) for word in group))
    return [word for word in dict.fromkeys(word for group in groups for word in group) if word != text]


def _begins_with(text: str, word: str) -> bool:
    return len(word) > MIN_STEM_LENGTH and text.startswith(word)


def _classes_with(card: NetworkCard, text: str) -> frozenset[int]:
    """Return the classes whose texts contain a word; a short word must be the beginning of a word of the text."""
    if len(text) > MIN_STEM_LENGTH:
        return frozenset(index for index, class_text in enumerate(class_texts(card)) if text in class_text)
    search_beginning = re.compile(rf"\b{re.escape(text)}").search
    return frozenset(index for index, class_text in enumerate(class_texts(card)) if search_beginning(class_text))


def similar_classes(card: NetworkCard, text: str) -> list[str]:
    """Return the classes that have a word spelled like this one."""
    words_by_class = {name: set(split_words(name).lower().split()) for name in card.classes}
    all_words = set().union(*words_by_class.values())
    close = get_close_matches(text, all_words, n=MAX_SIMILAR_WORDS, cutoff=MIN_SIMILARITY)
    return [name for name, words in words_by_class.items() if not words.isdisjoint(close)]


@lru_cache(maxsize=500)
def class_texts(card: NetworkCard) -> tuple[str, ...]:
    """Return a lower-case text for each class: its name, the words of its name and its sentence."""
    return tuple(
        f"{name} {split_words(name)} {card.sentence(index)}".lower() for index, name in enumerate(card.classes)
    )


def split_words(name: str) -> str:
    """Return a name such as `BabyCrawling` or `wave_slow` with spaces between its words."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", name)
