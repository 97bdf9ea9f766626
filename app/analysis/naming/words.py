"""Matches free words with the name of a class."""

import re
from collections.abc import Sequence

from app.contract.network import normalize_name


def match_words(words: str, classes: Sequence[str]) -> int | None:
    """Return the index of the class that the words name, or None.

    They name a class whose name they are, but for case, spaces and punctuation; or else the one class of which they
    contain every word: `somebody juggling a soccer ball` is `juggling soccer ball`. Of two such classes it is the one
    with more words; of equally long ones it is none.
    """
    name = normalize_name(words)
    exact = [index for index, each in enumerate(classes) if normalize_name(each) == name]
    if exact:
        return exact[0] if len(exact) == 1 else None
    said = _words(words)
    contained = [(len(parts), index) for index, each in enumerate(classes) if (parts := _words(each)) and parts <= said]
    longest = [index for length, index in contained if length == max(contained)[0]]
    return longest[0] if len(longest) == 1 else None


def _words(text: str) -> frozenset[str]:
    """Return the words of a text; a name in camel case has as many as it has capitals."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return frozenset(re.findall(r"[^\W_]+", spaced.casefold()))
