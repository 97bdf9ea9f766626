from pathlib import Path

import pytest
from pydantic import ValidationError

from app.contract.errors import UnknownClass
from app.contract.network import NetworkCard
from tests.support import two_stream_card
from worker.networks.families.mocap_classes import CLASS_NAMES, CLASSES
from worker.networks.load import make_card
from worker.networks.network import Network
from worker.networks.registry import find_family

OWN = """
from app.contract.catalog import Extent
from worker.networks.registry import find_family, register
from worker.networks.two_stream import two_stream_inputs

register(
    name="tiny_told",
    title="Tiny two-stream that says what its classes are",
    streams=two_stream_inputs(32, 3),
    stimulus=Extent(frames=3, height=32, width=32),
    classes={"jump": "Up.", "run": "Along.", "sit": "Down.", "wave": "Hello.", "walk": "Along, slowly."},
)(find_family("tiny_two_stream").build)
"""


def test_labels_with_sentences_go_into_the_card_and_other_labels_have_none(
    tmp_path: Path, tiny_two_stream_weights: Path
) -> None:
    path = tmp_path / "told.py"
    path.write_text(OWN)
    family = find_family(str(path))
    weights = tiny_two_stream_weights.read_bytes()
    card = make_card(family, weights, family.labels)
    assert (card.classes[1], card.sentence(1)) == ("run", "Along.")
    assert make_card(family, weights, ("a", "b", "c", "d", "e")).sentence(1) == ""


def test_the_default_network_says_what_its_classes_are() -> None:
    for name in ("mocap_two_stream", "mocap_judge"):
        family = find_family(name)
        assert (family.labels, family.sentences) == (CLASS_NAMES, tuple(CLASSES.values()))


def test_a_card_of_before_still_loads(tiny_clip: Network) -> None:
    old = {name: value for name, value in tiny_clip.card.model_dump(mode="json").items() if name != "class_sentences"}
    card = NetworkCard.model_validate(old)
    assert (card.class_sentences, card.sentence(0)) == ((), "")


def test_a_card_has_a_sentence_for_every_class_or_none() -> None:
    with pytest.raises(ValidationError, match="1 sentences for 5 classes"):
        NetworkCard.model_validate({**two_stream_card().model_dump(), "class_sentences": ("A person walks.",)})


@pytest.mark.parametrize(("label", "index"), [("walk", 0), ("Wave_Slow", 2), ("waveslow", 2), ("BackFlip - turn", 4)])
def test_a_label_is_matched_in_any_spelling(label: str, index: int) -> None:
    assert two_stream_card().match_class(label) == index


def test_a_label_that_is_no_class_or_may_be_two() -> None:
    with pytest.raises(UnknownClass, match="Near: wave slow"):
        two_stream_card().match_class("waveslower")
    with pytest.raises(UnknownClass, match="Near"):
        two_stream_card(classes=("a b", "ab")).match_class("A-B")
