"""The passes of every part of a survey are told without a clip being read."""

from pathlib import Path

from app.contract.survey_part import SurveyPart
from benchmarks.survey_passes import count_passes, time_pass
from tests.worker.conftest import save_random
from worker.networks.load import describe_network, load_network


def test_passes_of_every_part(tmp_path: Path) -> None:
    weights = save_random("tiny_clip", tmp_path / "clip.safetensors")
    network = load_network(describe_network(family="tiny_clip", weights=weights, slug="tiny"), weights.read_bytes())
    passes = count_passes(network, 20)
    of_streams = {SurveyPart.RECORD, SurveyPart.STREAMS, SurveyPart.INTERACTION}
    assert set(passes) == {str(part) for part in SurveyPart if part not in of_streams}
    assert passes["selectivity"] == 20
    assert passes["coding"] == (6 * 4 + 5) * 20
    assert time_pass(network) > 0
