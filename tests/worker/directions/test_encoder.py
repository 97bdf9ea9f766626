"""An encoder without classes, of which tokens are maps: probes of any labels, as units that a survey measures."""

from pathlib import Path

import pytest

from app.settings import settings
from app.store.catalog import dictionaries, networks
from app.store.database.engine import open_store
from app.store.surveys import evidence
from benchmarks.architectures.video_transformers import save_encoder
from tests.worker.conftest import Invoke
from tests.worker.directions.conftest import moving_texture
from worker.video.encode import write_video

LABELS = ("dog", "cat")  # no classes of any network


@pytest.fixture
def encoder(invoke: Invoke, tmp_path: Path) -> Invoke:
    """Return a runner of commands, with an encoder and a data set of eight clips of two labels."""
    for number in range(8):
        folder = tmp_path / "pets" / LABELS[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        write_video(folder / f"{number}.mp4", moving_texture(number % 2)(8), fps=25)
    invoke("networks", "add", save_encoder("VideoMAEForPreTraining", tmp_path / "encoder"))
    invoke("datasets", "add", "pets", tmp_path / "pets")
    return invoke


def test_a_probe_of_an_encoder_names_its_directions_and_a_survey_measures_them(encoder: Invoke) -> None:
    output = encoder("directions", "learn", "encoder", "blocks.1", "--dataset", "pets", "--method", "probe").output
    assert "On 2 held-out clips the probe is right in 100.0%" in output, "two textures, four clips of each"
    assert "blocks.1~probe-pets" in encoder("directions", "list", "encoder").output
    encoder("survey", "encoder", "pets")
    with open_store(settings().sqlalchemy_url).session() as session:
        card = networks.get_card(session, slug="encoder")
        layer = card.layer("blocks.1~probe-pets")
        assert layer.signed
        assert layer.map == card.layer("blocks.1").map
        known = dictionaries.get_dictionary(session, card=card, layer=layer.name)
        units = [evidence.get_evidence(session, card=card, layer=layer.name, unit=unit) for unit in range(2)]
    assert known is not None
    assert known.probe is not None
    for unit, measured in enumerate(units):
        assert measured is not None
        strongest, weakest = measured.top_clips[0], measured.bottom_clips[0]
        assert LABELS[int(strongest.clip) % 2] == layer.direction_name(unit), "its own class excites it most"
        assert LABELS[int(weakest.clip) % 2] != layer.direction_name(unit), "and the other one least"
