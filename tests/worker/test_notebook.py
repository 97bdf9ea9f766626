"""A module that is in memory alone: traced, maximized, shown and saved from a notebook, as docs/notebook.md says."""

import base64
import io
import re
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from typer.testing import CliRunner

from app.contract.errors import InvalidRecipe, InvalidRequest, NetworkExists, UnknownLayer
from app.settings import ROOT
from app.store.catalog import networks
from app.store.database.engine import open_store
from app.store.results.visualizations import recent_visualizations
from tests.worker.conftest import Invoke
from worker.cli import main
from worker.maximize.from_recipe import maximize_units
from worker.networks.network import Network
from worker.notebook import NotebookNetwork, trace
from worker.notebook.player import draw_player

BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


class Tiny(nn.Module):
    """A classifier of clips, whose convolution has three units."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv3d(3, 3, 3, padding=1)
        self.head = nn.Linear(3, 2)

    def forward(self, clip: Tensor) -> Tensor:
        return self.head(self.conv(clip).relu().mean((2, 3, 4)))  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def tiny() -> NotebookNetwork:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return trace(Tiny(), frames=4, height=16, width=24, labels=["left", "right"])


def run_page(namespace: dict[str, Any]) -> None:
    """Run the code of the page, the model before the lines that use it."""
    blocks = BLOCK.findall((ROOT / "docs" / "notebook.md").read_text())
    blocks.sort(key=lambda block: "nn.Sequential" not in block)
    for block in blocks:
        exec(block, namespace)


def test_the_code_of_the_page_runs(invoke: Invoke, capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, Any] = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        run_page(namespace)
    page = (ROOT / "docs" / "notebook.md").read_text()
    assert f"    {namespace['network'].layers}\n" in page, "the page shows other layers"
    said = capsys.readouterr().out
    assert "/my-network/class/1" in said
    assert "Workers do not have the module's code" in said
    assert namespace["stimulus"]._repr_html_().startswith("<div")
    assert "my-network" in invoke("networks", "list").output
    output = CliRunner().invoke(main.app, ["visualize", "my-network", "class", "0", "--set", "steps=2"]).output
    assert "The module Sequential was saved from a notebook, and workers do not have its code" in output


class Pictures(HTMLParser):
    """Collects what HTML loads, and how many scripts it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.images: list[dict[str, str | None]] = []
        self.scripts = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        if tag == "img":
            self.images.append(values)
        self.scripts += tag == "script"
        assert tag not in ("link", "iframe")
        assert all(str(values[name]).startswith("data:image/webp;base64,") for name in ("src",) if name in values)


def decode(url: str | None) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(str(url).partition(",")[2])))


def test_the_player_holds_all_that_it_shows(tiny: NotebookNetwork) -> None:
    stimulus = tiny.visualize("conv", 1, steps=3, jitter=0)
    found = Pictures(stimulus.html)
    (image,) = found.images
    assert found.scripts == 1
    loop, sheet = decode(image["src"]), decode(image["data-sheet"])
    assert (image["data-frames"], getattr(loop, "n_frames", 1)) == ("4", 6), "forward and backward"
    width, height = int(str(image["width"])), int(str(image["height"]))
    assert sheet.size == (4 * width, height)
    assert (width, height) == (144, 96), "small pictures are enlarged"
    assert 'max="3"' in stimulus.html
    assert f"conv/1: activation {stimulus.measurements.activation:.3g}" in stimulus.html


def test_a_player_of_two_streams_shows_appearance_motion_and_both(tiny_two_stream: Network) -> None:
    from app.contract.recipe import Recipe

    (result,) = maximize_units(tiny_two_stream, "class", [0], [Recipe(steps=2, jitter=0)])
    outcome: Any = result.outcome
    text = draw_player(outcome.stimulus, "<walk>", outcome.measurements)
    images = Pictures(text).images
    assert [image["data-frames"] for image in images] == ["1", "3", "4"]
    assert [image["alt"] for image in images] == [
        "appearance of <walk>",
        "motion of <walk>",
        "appearance carried along the motion of <walk>",
    ]
    assert "<walk>" not in text, "names are escaped"


def test_the_module_stays_as_it_is_and_its_copy_does_not_change(tmp_path: Path) -> None:
    module = Tiny().train()
    network = trace(module, frames=4, height=16, width=16)
    assert module.training
    assert all(parameter.requires_grad for parameter in module.parameters())
    assert not module._forward_pre_hooks
    assert network.card.classes == ("class 0", "class 1")
    clip = torch.rand(1, 3, 4, 16, 16) * 2 - 1
    before = network.network.activation("conv", {network.card.streams[0].name: clip}).detach()
    torch.testing.assert_close(before, module.conv(clip))
    nn.init.zeros_(module.conv.weight)
    torch.testing.assert_close(
        network.network.activation("conv", {network.card.streams[0].name: clip}).detach(), before
    )


def test_a_module_without_logits_is_an_encoder() -> None:
    network = trace(nn.Sequential(nn.Conv3d(3, 4, 3), nn.ReLU(), nn.Conv3d(4, 5, 3)), frames=8, height=16, width=16)
    assert (network.layers, network.card.classes) == ({"0": 4, "2": 5}, ())
    assert network.visualize("2", 4, steps=2, jitter=0).measurements.trace


def test_a_maximized_unit_is_higher_than_before(tiny: NotebookNetwork) -> None:
    stimulus = tiny.visualize("class", "right", steps=12, jitter=0)
    assert (stimulus.name, stimulus.unit) == ("right", 1)
    assert stimulus.measurements.objective > stimulus.measurements.trace[0]


def test_saving_twice_adds_one_network_and_two_results(tiny: NotebookNetwork, invoke: Invoke, sqlite_url: str) -> None:
    for unit in (0, 2):
        tiny.visualize("conv", unit, steps=2, jitter=0).save()
    tiny.visualize("conv", 0, steps=2, jitter=0).save()
    store = open_store(sqlite_url)
    with store.session() as session:
        (summary,) = networks.list_networks(session)
        newest = recent_visualizations(session)
    store.close()
    assert (summary.card.slug, summary.card.family, summary.visualizations) == ("tiny", "notebook", 2)
    assert {(each.layer, each.unit) for each in newest} == {("conv", 0), ("conv", 2)}
    other = trace(Tiny(), frames=4, height=16, width=24).visualize("conv", 0, steps=2, jitter=0)
    with pytest.raises(NetworkExists, match=r'save\("tiny-2"\)'):
        other.save()
    assert other.save("tiny-2").url.endswith("/tiny-2/conv/0")


class Uncopied(Tiny):
    def __deepcopy__(self, memo: Any) -> "Uncopied":
        raise TypeError("it holds a lock")


def test_what_cannot_be_traced_or_asked_for_says_why(tiny: NotebookNetwork) -> None:
    small = partial(trace, frames=4, height=16, width=16)
    with pytest.raises(InvalidRequest, match="cannot run on clips"):
        small(nn.Linear(3, 2))
    with pytest.raises(InvalidRequest, match=r"cannot be copied .*it holds a lock"):
        small(Uncopied())
    with pytest.raises(InvalidRequest, match="3 labels for a network of 2 classes"):
        small(Tiny(), labels=["a", "b", "c"])
    with pytest.raises(UnknownLayer, match="conv"):
        tiny.visualize("convv", 0)
    with pytest.raises(InvalidRecipe, match=r"no field 'step'\. Near: steps"):
        tiny.visualize("conv", 0, step=3)
    with pytest.raises(InvalidRecipe, match="Recipe field steps"):
        tiny.visualize("conv", 0, steps=-3)
    with pytest.raises(InvalidRequest, match="take 'my-net'"):
        tiny.visualize("conv", 0, steps=2).save("My net")
