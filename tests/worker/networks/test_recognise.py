"""Which family takes a checkpoint, and which checkpoints are refused before they can fill the memory."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from app.contract.errors import InvalidRequest, WeightsMismatch
from benchmarks.architectures.c3d import random_state, save
from worker.networks import recognise as module
from worker.networks.families.c3d import FULL, STEMS
from worker.networks.families.torchvision_sizes import read_model
from worker.networks.load import read_network
from worker.networks.pytorchvideo.structure import read_structure
from worker.networks.recognise import recognise
from worker.networks.registry import Recognised, find_family, list_families


def refuse(state: Mapping[str, Tensor], content: Mapping[str, object]) -> Recognised | None:
    raise InvalidRequest("this is a detector")


def stumble(state: Mapping[str, Tensor], content: Mapping[str, object]) -> Recognised | None:
    raise IndexError(f"{len(content)} tensors, and none of five axes")


def test_what_one_family_says_against_a_file_does_not_hide_it_from_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = save(tmp_path / "net", has_norms=False).source
    others = [replace(find_family("c3d"), name=each.__name__, recognise=each) for each in (refuse, stumble)]
    monkeypatch.setattr(module, "list_families", lambda: [*others, find_family("c3d")])
    assert recognise(source.read_bytes(), source)[0] == "c3d"
    monkeypatch.setattr(module, "list_families", lambda: others)
    with pytest.raises(InvalidRequest, match=r"this is a detector"):
        recognise(source.read_bytes(), source)
    with pytest.raises(WeightsMismatch, match=r"not its shapes \(IndexError.*none of five axes.*damaged"):
        recognise(source.read_bytes(), source, others[1])


def test_one_number_that_stands_for_many_is_refused_before_it_takes_memory(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    torch.save({**random_state(has_norms=False), "conv1.weight": torch.ones(1).expand(10**12)}, path)
    with pytest.raises(WeightsMismatch, match=r"claim 4,0.*bytes, and the file holds"):
        recognise(path.read_bytes(), path)


def test_long_and_thin_tensors_make_no_large_network(tmp_path: Path) -> None:
    state = {f"conv{stem}.weight": torch.zeros(10**5, 0, 3, 3, 3) for stem in STEMS}
    state |= {f"{name}.weight": torch.zeros(2, 16 * 10**5 if name == "fc6" else 2) for name in FULL}
    torch.save(state, tmp_path / "net.pth")
    labels = tmp_path / "labels.txt"
    labels.write_text("run\njump\n")
    with pytest.raises(WeightsMismatch, match=r"describe a network of 7,.* GB, but its weights have"):
        read_network(family=str(tmp_path / "net.pth"), labels=labels)


def test_a_large_number_in_a_name_makes_no_large_network() -> None:
    resnet = {f"layer{stage}.0.conv2.0.weight": torch.zeros(1, 1, 3, 1, 1) for stage in range(1, 5)}
    resnet |= {"stem.0.weight": torch.zeros(1, 1, 1, 1, 1), "layer1.900000000.bias": torch.zeros(1)}
    model = read_model(resnet)
    assert model is not None
    assert model.sizes["blocks"] == [2, 1, 1, 1]
    x3d = {
        f"blocks.{stage}.res_blocks.{n}.branch2.conv_b.weight": torch.zeros(1, 1, 3, 3, 3)
        for stage in range(1, 5)
        for n in (0, 900000000)
    }
    x3d |= {f"blocks.0.conv.{name}.weight": torch.zeros(12, 1, 1, 1, 1) for name in ("conv_t", "conv_xy")}
    x3d |= {
        "blocks.4.res_blocks.0.branch2.conv_c.weight": torch.zeros(1, 1, 1, 1, 1),
        "blocks.5.proj.weight": torch.zeros(2, 2),
    }
    structure = read_structure(x3d)
    assert structure is not None
    assert structure.arguments["depth_factor"] <= 2


def test_tensors_of_odd_shapes_are_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    names = ("backbone.conv1.conv.weight", "backbone.layer1.0.conv1.conv.weight", "cls_head.fc_cls.weight")
    torch.save({name: torch.zeros(()) for name in (*names, "cls_head.fc_cls.bias")}, path)
    with pytest.raises(WeightsMismatch, match=r"names as in MMAction2.*but not its shapes"):
        recognise(path.read_bytes(), path)


def test_every_family_that_is_known_by_tensors_leaves_others_alone() -> None:
    foreign = {"encoder.weight": torch.zeros(3, 3), "head.bias": torch.zeros(3)}
    for family in list_families():
        assert family.recognise is None or family.recognise(foreign, foreign) is None
