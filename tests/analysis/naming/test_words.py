"""What free words are taken to mean."""

import pytest

from app.analysis.naming.words import match_words

CLASSES = (
    "juggling soccer ball",
    "juggling",
    "wave_fast",
    "BrushingTeeth",
    "petting animal (not cat)",
    "high jump",
    "jump",
)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("Juggling Soccer-Ball", "juggling soccer ball"),
        ("somebody juggling a soccer ball", "juggling soccer ball"),
        ("juggling something", "juggling"),
        ("wave fast", "wave_fast"),
        ("brushing his teeth", "BrushingTeeth"),
        ("a high jump", "high jump"),
        ("ball", None),
        ("jumping", None),
        ("?", None),
    ],
)
def test_words_name_the_class_that_they_contain_whole(words: str, name: str | None) -> None:
    index = match_words(words, CLASSES)
    assert (None if index is None else CLASSES[index]) == name


def test_words_that_name_two_classes_name_none() -> None:
    assert match_words("walk and run", ("walk", "run")) is None
