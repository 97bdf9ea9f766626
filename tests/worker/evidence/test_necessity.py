"""Units that classes need: planted ones are recovered, and nothing is found where nothing was planted."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from app.contract.network import Extent, Layer, NetworkCard, Stream, StreamName
from tests.support import two_stream_card
from worker.evidence.activation_reader import read_activations
from worker.evidence.checkpoint import SurveyCheckpoint
from worker.evidence.measure_necessity import RecordedNetwork, measure_necessity
from worker.evidence.necessity_facts import summarize
from worker.evidence.output_hook import replace_output
from worker.evidence.paired_changes import ClassGroups, PairedChanges, clip_margins, sign_test, sum_by_class
from worker.evidence.resampling import GroupedClips
from worker.evidence.shuffled_weights import shuffle_weights
from worker.evidence.silenced_network import SilencedNetwork
from worker.evidence.silencing import MeanActivations, count_tails, silenceable_layers, silenced_logits
from worker.graph.forward_hook import forward_to
from worker.graph.inputs import as_map
from worker.networks.network import Network, Point
from worker.networks.trace import zero_inputs

CPU = torch.device("cpu")


def test_the_sign_test_is_that_of_mcnemar() -> None:
    negative, positive = np.array([5, 10, 3, 0, 0, 600, 300]), np.array([0, 0, 3, 4, 0, 0, 300])
    p_values = sign_test(negative, positive)
    assert p_values[:5].tolist() == pytest.approx([1 / 32, 1 / 1024, 42 / 64, 1.0, 1.0])
    assert p_values[5] < 1e-100
    assert p_values[6] == pytest.approx(0.5, abs=0.02)  # by the normal distribution


def test_sums_by_class_take_labels_in_any_order() -> None:
    values = np.array([[1.0, 2.0, 4.0, 8.0]])
    assert sum_by_class(values, np.array([0, 0, 2, 2])).tolist() == [[3, 12]]
    assert sum_by_class(values, np.array([2, 0, 2, 0])).tolist() == [[10, 5]]


def test_a_group_of_two_classes_is_one_for_each() -> None:
    groups = ClassGroups.of(np.array([1, 0, 1, 1]), np.array([7, 7, 7, 3]))
    assert groups.labels.tolist() == [0, 1, 1]
    assert groups.sizes.tolist() == [1, 1, 2]
    assert groups.group_of_clip.tolist() == [2, 0, 2, 1]
    assert groups.resample(np.random.default_rng(0)).sum() == 3


def test_the_margin_is_to_the_largest_other_logit() -> None:
    logits = torch.tensor([[[1.0, 3.0, 2.0], [5.0, 3.0, 4.0]]])
    assert clip_margins(logits, torch.tensor([1, 2])).tolist() == [[1.0, -1.0]]


def test_changes_are_summed_over_the_clips_of_a_group() -> None:
    groups = ClassGroups.of(np.array([0, 0, 1]), np.array([0, 0, 1]))
    changes = PairedChanges(1, groups)
    before = torch.tensor([[2.0, 0.0], [3.0, 0.0], [0.0, 4.0]])
    without = torch.tensor([[0.0, 1.0], [1.0, 0.0], [0.0, 4.0]])
    changes.add(np.array([0, 1, 2]), torch.tensor([0, 0, 1]), torch.stack([before, without]))
    assert changes.margin.tolist() == [[-5.0, 0.0]]
    assert changes.correct.tolist() == [[-1.0, 0.0]]
    assert changes.correct_before.tolist() == [2.0, 1.0]
    assert changes.predicted.tolist() == [2, 1]
    assert changes.margin_deviation == pytest.approx(np.std([2, 3, 4]))


@pytest.mark.parametrize("name", ["tiny_two_stream", "tiny_clip"])
def test_silencing_agrees_with_whole_passes(name: str, request: pytest.FixtureRequest) -> None:
    """Copies behind the layer give what a network gives whose unit is replaced by hand, clip by clip."""
    network: Network = request.getfixturevalue(name)
    torch.manual_seed(0)
    inputs = {stream: torch.randn_like(x) for stream, x in zero_inputs(network.card.streams, 3, CPU).items()}
    layers = [layer.name for layer in network.card.layers if not layer.is_class]
    averages = MeanActivations(network, layers)
    averages.add(inputs)
    means = averages.means()
    for layer in layers:
        point = network.points[layer]
        silenced = torch.eye(network.card.layer(layer).units, dtype=torch.bool)[:3]
        silenced[2, :2] = True  # three units together
        with torch.no_grad(), forward_to(network.module, point.path) as activation:
            maps = as_map(activation(inputs))
        expected_mean = (maps.relu() if point.rectified else maps).mean((0, 2, 3, 4))
        assert torch.allclose(means[layer], expected_mean, atol=1e-5)
        expected = []
        for units in silenced:

            def replace(output: Tensor, units: Tensor = units, mean: Tensor = expected_mean) -> Tensor:
                changed = output.clone()
                for unit in units.nonzero()[:, 0].tolist():
                    changed[:, unit] = mean[unit]
                return changed

            with replace_output(network.module, point.path, replace):
                expected.append(network.logits(inputs))
        found = silenced_logits(network, inputs, layer, silenced, means[layer])
        assert torch.allclose(found, torch.stack(expected), atol=1e-4), layer
        in_parts = silenced_logits(network, inputs, layer, silenced, means[layer], max_copies_bytes=1)
        assert torch.allclose(in_parts, found, atol=1e-4), layer
    assert not any(part._forward_hooks for path, part in network.module.named_modules() if "tap" in path)


CLASSES, GROUPS, SHARING = 10, 8, 9
SHARED, UNUSED = 10, 11  # unit that classes 0 to 8 use, and one that none uses; unit c is of class c alone
LABELS = np.repeat(np.arange(CLASSES), GROUPS)


class Planted(nn.Module):
    """Units are the first values of the input.

    Logits: 1.5 x_c + 2 g for nine classes, 3.5 x_c for one, and 2.6 always for a class that has no clips.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.head = nn.Linear(12, 12), nn.Linear(12, CLASSES + 1)
        with torch.no_grad():
            self.fc.weight.copy_(torch.eye(12))
            self.fc.bias.zero_()
            self.head.weight.zero_()
            for label in range(CLASSES):
                self.head.weight[label, label] = 1.5 if label < SHARING else 3.5
            self.head.weight[:SHARING, SHARED] = 2.0
            self.head.bias.copy_(torch.tensor([0.0] * CLASSES + [2.6]))

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        logits: Tensor = self.head(torch.relu(self.fc(inputs[StreamName.APPEARANCE].flatten(1))))
        return logits


def planted_network(seed: int | None = None) -> Network:
    """Return the planted network; with a seed, one whose weights are in random order."""
    size = Extent(frames=1, height=1, width=1)
    layers = (
        Layer(index=0, name="fc", stream="fusion", units=12, map=size, receptive_field=size),
        Layer(index=1, name="class", stream="fusion", units=CLASSES + 1, map=size, receptive_field=size),
    )
    card: NetworkCard = two_stream_card().model_copy(
        update={
            "layers": layers,
            "streams": (Stream(name=StreamName.APPEARANCE, frames=1, height=2, width=2),),
            "classes": tuple("abcdefghijk"),
        }
    )
    module = Planted().eval().requires_grad_(False)
    points = {"fc": Point("fc", True), "class": Point("head", False)}
    network = Network(card, module, points)
    return network if seed is None else shuffle_weights(network, (), seed)


def planted_clips() -> Tensor:
    """Return clips (N, 3, 2, 2): x_c and g, where the class has them, and noise in the unused unit."""
    torch.manual_seed(3)
    labels = torch.from_numpy(LABELS)
    values = torch.zeros(len(labels), 12)
    values[torch.arange(len(labels)), labels] = 1.0
    values[:, SHARED] = (labels < SHARING).float()
    values[:, UNUSED] = 1.0
    return (values * (0.9 + 0.2 * torch.rand(values.shape))).view(-1, 3, 2, 2)


def record_planted(network: Network, folder: Path) -> SurveyCheckpoint:
    checkpoint = SurveyCheckpoint(folder, network.card, len(LABELS))
    with read_activations(network) as read:
        checkpoint.add(range(len(LABELS)), read({StreamName.APPEARANCE: planted_clips()}))
    checkpoint.clips_done = len(LABELS)
    return checkpoint


def silence_all(network: Network, folder: Path, groups: ClassGroups) -> SilencedNetwork:
    inputs = {StreamName.APPEARANCE: planted_clips()}
    checkpoint = record_planted(network, folder)
    tails = count_tails(network, silenceable_layers(network.card))
    silenced = SilencedNetwork(network, checkpoint, LABELS, groups, tails, np.arange(CLASSES), max_passes=20)
    silenced.add_to_means(inputs)
    for first in range(0, len(LABELS), 16):
        clips = np.arange(first, min(first + 16, len(LABELS)))
        silenced.add(clips, {name: x[clips] for name, x in inputs.items()})
    return silenced


EACH_ITS_OWN = ClassGroups.of(LABELS, np.arange(len(LABELS)))


def test_planted_units_are_needed_by_the_classes_that_use_them(tmp_path: Path) -> None:
    trained = silence_all(planted_network(), tmp_path / "trained", EACH_ITS_OWN)
    control = silence_all(planted_network(seed=0), tmp_path / "control", EACH_ITS_OWN)
    facts, units = summarize(trained, control, ())
    for label in range(CLASSES):
        needed = units["fc", label]
        assert [need.class_index for need in needed.classes if need.needed] == [label]
    assert {need.class_index for need in units["fc", SHARED].classes if need.needed} == set(range(SHARING))
    assert units["fc", SHARED].needed_by == SHARING
    assert units["fc", UNUSED].needed_by == 0
    assert units["fc", UNUSED].accuracy_change.value == 0
    (layer,) = facts.layers
    assert (layer.live, layer.measured) == (12, 12)
    assert (layer.counts.one, layer.counts.two, layer.counts.several) == (CLASSES, 0, 1)
    assert facts.one_class is not None
    assert facts.one_class.p_value < 0.05
    assert facts.one_class.null.high < 5
    assert facts.several_classes is not None
    assert facts.several_classes.units == 1
    assert facts.several_classes.null.high == 0
    assert facts.detectors is not None
    assert facts.detectors.margin.low > 0
    assert facts.detectors.p_value <= 0.05
    assert facts.strongest_several[0].unit == SHARED
    assert set(facts.strongest_several[0].classes) == set(range(SHARING))


def test_labels_that_say_nothing_need_no_units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With shuffled labels no class needs a unit more than others."""
    shuffled = np.sort(LABELS)
    generator = np.random.default_rng(5)
    order = generator.permutation(len(LABELS))
    clips = planted_clips()[order]
    monkeypatch.setattr(f"{__name__}.planted_clips", lambda: clips)
    trained = silence_all(planted_network(), tmp_path, ClassGroups.of(shuffled, np.arange(len(LABELS))))
    facts, _ = summarize(trained, None, ())
    assert facts.one_class is not None
    assert facts.one_class.units == 0
    assert facts.recall is not None
    assert facts.recall.units == 0


def test_copies_of_a_few_clips_are_no_evidence(tmp_path: Path) -> None:
    """Two videos a class, four copies of each: two groups can never be significant."""
    groups = ClassGroups.of(LABELS, np.arange(len(LABELS)) // 4)
    facts, units = summarize(silence_all(planted_network(), tmp_path, groups), None, ())
    assert facts.tested_classes == 0
    assert all(unit.needed_by == 0 for unit in units.values())
    assert facts.one_class is not None
    assert facts.one_class.p_value == 1


@pytest.mark.parametrize(("clips_per_group", "max_passes", "tested"), [(1, 0.5, CLASSES), (4, 10.0, 0)])
def test_where_nothing_can_be_silenced_the_facts_name_the_layers(
    clips_per_group: int, max_passes: float, tested: int, tmp_path: Path
) -> None:
    """No layer fits into the passes, or no class has groups enough."""
    network = planted_network()
    facts, units = measure_necessity(
        RecordedNetwork(network, record_planted(network, tmp_path)),
        None,
        range(len(LABELS)),
        GroupedClips(LABELS, np.arange(len(LABELS)) // clips_per_group),
        lambda numbers: iter(()),
        max_passes=max_passes,
    )
    assert facts is not None
    assert (facts.not_measured, facts.layers, facts.tested_classes) == (("fc",), (), tested)
    assert facts.one_class is None
    assert not units
