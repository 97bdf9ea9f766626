"""Words of a search, as networks with sentences and networks with bare names have them."""

import pytest

from app.analysis.vocabulary import parse_words
from app.contract.network import NetworkCard
from tests.support import two_stream_card
from worker.networks.families.mocap_classes import CLASSES

MOCAP = two_stream_card(classes=tuple(CLASSES)).model_copy(update={"class_sentences": tuple(CLASSES.values())})
CLASS_NAMES = two_stream_card(classes=("HandstandPushups", "BabyCrawling", "sprinting", "ice skating", "chopping wood"))


def classes_by_word(card: NetworkCard, q: str) -> dict[str, set[str]]:
    return {word.text: {card.classes[index] for index in word.classes} for word in parse_words(card, q)}


@pytest.mark.parametrize(
    ("q", "classes"),
    [
        ("handstand", {"backflip", "cartwheel"}),
        ("inverted", {"backflip", "cartwheel"}),
        ("acrobatics", {"backflip", "cartwheel"}),
        ("flipping", {"backflip"}),
        ("somersault", {"backflip"}),
        ("tumbling", {"backflip", "cartwheel", "roll"}),
        ("jogging", {"run", "red_run_blue_walk", "blue_run_red_walk"}),
        ("boxing", {"punch"}),
        ("creeps", {"crawl"}),
        ("rapid", {"wave_fast", "red_fast_blue_slow", "blue_fast_red_slow"}),
    ],
)
def test_a_movement_is_found_by_a_word_that_no_class_has(q: str, classes: set[str]) -> None:
    assert classes_by_word(MOCAP, q) == {q: classes}
    assert q == "somersault" or parse_words(MOCAP, q)[0].read_as


def test_a_word_that_a_class_has_means_itself() -> None:
    [word] = parse_words(MOCAP, "roll")
    assert (word.read_as, classes_by_word(MOCAP, "roll")) == ((), {"roll": {"roll"}})


def test_names_alone_are_read_by_their_words() -> None:
    assert classes_by_word(CLASS_NAMES, "inverted crawl") == {
        "inverted": {"HandstandPushups"},
        "crawl": {"BabyCrawling"},
    }
    assert classes_by_word(CLASS_NAMES, "run") == {"run": {"sprinting"}}
    assert classes_by_word(CLASS_NAMES, "jump") == {"jump": set()}, "hop is no word of chopping"


def test_what_it_is_read_as_is_said_once() -> None:
    [word] = parse_words(MOCAP, "handstand")
    assert word.read_as == ("upside down", "cartwheel", "backflip", "somersault")


def test_fillers_count_only_alone() -> None:
    assert list(classes_by_word(MOCAP, "a person turning upside down")) == ["turning", "upside", "down"]
    assert classes_by_word(MOCAP, "person")["person"] >= {"walk", "run"}


def test_what_means_nothing_is_said_to() -> None:
    known = {word.text: word.is_known for word in parse_words(MOCAP, "xylophone walk fc6 3 fc6/3 fc6/99 9999")}
    assert known == {
        **{"xylophone": False, "walk": True, "fc6": True, "3": True},
        **{"fc6/3": True, "fc6/99": False, "9999": False},
    }
