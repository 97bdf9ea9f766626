"""C3D as its ports save it: which tensors are its own, what is refused, and what its card says."""

from pathlib import Path

import pytest
import torch

from app.contract.errors import InvalidRequest
from app.contract.network import Extent
from benchmarks.architectures.c3d import random_state, save
from tests.worker.conftest import Invoke
from worker.networks.families.c3d import NUMBERED
from worker.networks.load import read_network
from worker.networks.preprocessing import clip_format


def test_the_card_has_the_layers_that_people_know(tmp_path: Path) -> None:
    saved = save(tmp_path / "net", has_norms=False)
    card, _ = read_network(family=str(saved.source), labels=saved.labels)
    assert [layer.name for layer in card.layers] == [
        *("conv1", "conv2", "conv3a", "conv3b", "conv4a", "conv4b", "conv5a", "conv5b", "fc6", "fc7", "class")
    ]
    assert (card.family, card.classes[:2], len(card.classes)) == ("c3d", ("Action1", "Action2"), 101)
    assert card.layer("conv5b").map == Extent(frames=2, height=7, width=7)
    assert clip_format(card).size == (128, 128)
    assert "90, 98, 102" in card.summary


def test_numbered_layers_are_the_same_network(tmp_path: Path) -> None:
    saved = save(tmp_path / "net", has_norms=False)
    back = {name: number for number, name in NUMBERED.items()}
    state = {
        f"{back[n.rpartition('.')[0]]}.{n.rpartition('.')[2]}": t for n, t in random_state(has_norms=False).items()
    }
    torch.save(state, tmp_path / "numbered.pth")
    cards = [
        read_network(family=str(path), labels=saved.labels)[0] for path in (saved.source, tmp_path / "numbered.pth")
    ]
    assert cards[0].checksum == cards[1].checksum


def test_a_checkpoint_is_added_and_a_worker_builds_it(tmp_path: Path, invoke: Invoke) -> None:
    saved = save(tmp_path / "net", has_norms=True)
    assert "Registered c3d: 11 layers" in invoke("networks", "add", saved.source, "--labels", saved.labels).output
    assert "weights and layers are as registered" in invoke("networks", "check", "c3d").output


def test_classes_without_names_and_another_input_size_say_what_to_do(tmp_path: Path) -> None:
    saved = save(tmp_path / "net", has_norms=False)
    with pytest.raises(InvalidRequest, match=r"does not say what its outputs mean.*`--labels"):
        read_network(family=str(saved.source))
    few = tmp_path / "few.txt"
    few.write_text("run\njump\n")
    with pytest.raises(InvalidRequest, match=r"has 101 classes, but there are 2 labels.*classInd\.txt"):
        read_network(family=str(saved.source), labels=few)
    state = random_state(has_norms=False)
    state["fc6.weight"] = torch.zeros(12, 8 * 25)
    torch.save(state, tmp_path / "larger.pth")
    with pytest.raises(InvalidRequest, match="`fc6` takes 25 positions"):
        read_network(family=str(tmp_path / "larger.pth"), labels=saved.labels)
