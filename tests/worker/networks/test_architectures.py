"""Each architecture of other people's libraries: from the file that they save to equal logits and a visualized unit."""

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from app.contract.recipe import Recipe
from benchmarks.architectures import CASES
from benchmarks.architectures.case import Case, SavedNetwork
from worker.maximize.from_recipe import Visualization, maximize_units
from worker.networks.dictionary import Directions, attach_dictionaries
from worker.networks.load import load_network
from worker.networks.network import Network
from worker.networks.recognise import MAX_CHECKPOINT_BYTES, ask_families
from worker.networks.registry import list_families
from worker.networks.trace import zero_inputs
from worker.networks.weights import parse_weights


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case.library}-{case.name}")
def case(request: pytest.FixtureRequest) -> Case:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def saved(case: Case, tmp_path_factory: pytest.TempPathFactory) -> SavedNetwork:
    return case.save(tmp_path_factory.mktemp("saved") / "network")


@pytest.fixture(scope="module")
def network(saved: SavedNetwork) -> Network:
    return load_network(*saved.read())


def test_the_logits_are_those_of_the_library(saved: SavedNetwork, network: Network) -> None:
    generator = torch.Generator().manual_seed(4)
    blank = zero_inputs(network.card.streams, 2, torch.device("cpu"))
    inputs = {name: torch.rand(zeros.shape, generator=generator) * 2 - 1 for name, zeros in blank.items()}
    expected = saved.logits(inputs)
    torch.testing.assert_close(network.logits(inputs).detach(), expected, atol=1e-4, rtol=0)
    assert expected.std() > 1e-3, "all logits are alike: they would be equal to those of another network too"


def test_no_other_family_takes_the_file(case: Case, saved: SavedNetwork, network: Network) -> None:
    if saved.source.is_dir():  # of the library transformers, whose config says what it is
        files, own = sorted(saved.source.glob("*.safetensors")), set[str]()
        assert files
    else:
        files = [path for path in (saved.source, saved.motion) if path is not None]
        own = {"mmaction"} if saved.motion is not None else {network.card.family}
    if case.name == "X3D":
        own |= {"pytorchvideo_x3d_s", "pytorchvideo_x3d_m"}  # networks of the same tensors, on other clips
    for path in files:
        content = parse_weights(path.read_bytes(), MAX_CHECKPOINT_BYTES)
        found, refusals = ask_families(list_families(), content, path)
        assert (set(found), refusals) == (own, [])


def test_directions_of_a_middle_layer_leave_the_bits_and_move_the_logits(case: Case, network: Network) -> None:
    """Whatever the layer is: a map that tracing inserts, folded frames, tokens, what enters a ReLU."""
    if case.name == "S3D":
        pytest.skip("a pass over its 128 frames takes seconds, and its layers are of no kind that others lack")
    generator = torch.Generator().manual_seed(4)
    blank = zero_inputs(network.card.streams, 1, torch.device("cpu"))
    inputs = {name: torch.rand(zeros.shape, generator=generator) * 2 - 1 for name, zeros in blank.items()}
    units = network.card.layer(case.middle).units
    encoder = torch.randn(3, units, generator=generator)
    directions = Directions(encoder, torch.zeros(3), encoder, torch.zeros(units))
    module, points = attach_dictionaries(deepcopy(network.module), network.points, {"own": (case.middle, directions)})
    change = 0.0
    codes = []

    def write(tap: nn.Module, arguments: object, code: Tensor) -> Tensor:
        codes.append(code)
        return code + change

    module.get_submodule(points["own"].path).register_forward_hook(write)
    logits = network.logits(inputs)
    assert torch.equal(module(inputs), logits)
    assert codes[0].shape[1] == 3
    assert codes[0].std() > 0
    change = 10.0
    assert not torch.equal(module(inputs), logits)


def test_a_unit_of_a_middle_layer_is_visualized(case: Case, network: Network) -> None:
    assert case.middle in {layer.name for layer in network.card.layers}
    # without the prior of batch normalisation, which pulls against the objective where statistics are random
    steps = 5 if case.name == "S3D" else 12  # a step over its clips takes ten times as long
    (result,) = maximize_units(network, case.middle, [1], [Recipe(steps=steps, jitter=0, bn_prior=0)])
    assert isinstance(result.outcome, Visualization), result.outcome
    measurements = result.outcome.measurements
    assert measurements.objective > measurements.trace[0]
