"""Parts that were finished when a survey was killed are not measured again, unless something differs."""

from dataclasses import replace
from pathlib import Path

import pytest

from app.contract.evidence import UnitEvidence
from app.contract.interval import Interval
from app.contract.necessity import UnitNecessity
from app.contract.survey import MeasuredPart
from app.contract.survey_part import SurveyPart
from tests.evidence_support import make_necessity
from tests.worker.survey.test_adding_parts import make_run
from worker.evidence.types import Observe
from worker.networks.network import Network
from worker.survey import finished_parts
from worker.survey.context import SurveyContext
from worker.survey.finished_parts import FinishedPart, load_finished, save_finished
from worker.survey.kept_recordings import PublishedSurvey, keep_recording
from worker.survey.parts.attribute import ATTRIBUTE
from worker.survey.parts.part import Part, PartResult
from worker.survey.parts.probe import PROBE
from worker.survey.run import SurveyResult, SurveyRun
from worker.survey.stages import StageProgress

CHOSEN = (SurveyPart.PROBE, SurveyPart.ATTRIBUTE)


class Killed(Exception):
    pass


def kill_in_attributing(progress: StageProgress) -> None:
    if progress.stage == SurveyPart.ATTRIBUTE:
        raise Killed


@pytest.fixture
def killed(tiny_two_stream: Network, tmp_path: Path) -> SurveyRun:
    """Return a survey that is to continue where another one was killed, in the second of two parts."""
    with pytest.raises(Killed):
        make_run(tiny_two_stream, tmp_path / "cut", parts=CHOSEN, observe=kill_in_attributing).run()
    return make_run(tiny_two_stream, tmp_path / "cut", parts=CHOSEN)


def count_calls(survey: SurveyRun, part: Part) -> list[SurveyPart]:
    """Return a list that gets the part whenever it is measured."""
    calls: list[SurveyPart] = []

    def measure(context: SurveyContext, observe: Observe) -> PartResult:
        calls.append(part.name)
        return part.measure(context, observe)

    survey.parts = [replace(part, measure=measure) if each.name is part.name else each for each in survey.parts]
    return calls


def found(result: SurveyResult) -> tuple[object, list[UnitEvidence]]:
    return result.facts.omitted, list(result.units)


def test_a_part_that_was_finished_is_not_measured_again(
    killed: SurveyRun, tiny_two_stream: Network, tmp_path: Path
) -> None:
    probed, attributed = count_calls(killed, PROBE), count_calls(killed, ATTRIBUTE)
    continued = killed.run()
    whole = make_run(tiny_two_stream, tmp_path / "whole", parts=CHOSEN).run()
    assert (probed, attributed) == ([], [SurveyPart.ATTRIBUTE])
    assert found(continued) == found(whole)
    assert continued.unit_fields == whole.unit_fields
    measured = {each.part: each for each in continued.facts.parts}
    assert set(measured) == {SurveyPart.RECORD, *CHOSEN}
    assert continued.facts.seconds > measured[SurveyPart.PROBE].seconds > 0
    planned = {each.part: each for each in killed.plan.parts}
    assert planned[SurveyPart.PROBE].seconds == measured[SurveyPart.PROBE].seconds


def test_a_torn_file_or_another_version_is_measured_again(
    killed: SurveyRun, tiny_two_stream: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = killed.checkpoint.folder / "parts" / "probe.jsonl"
    content = file.read_bytes()
    file.write_bytes(content.replace(b"0", b"1", 1))
    probed = count_calls(killed, PROBE)
    killed.run()
    assert probed == [SurveyPart.PROBE]
    assert file.read_bytes() != content
    monkeypatch.setattr(finished_parts, "VERSION", "0.0")
    again = make_run(tiny_two_stream, tmp_path / "cut", parts=CHOSEN)
    probed = count_calls(again, PROBE)
    again.run()
    assert probed == [SurveyPart.PROBE]


def test_what_is_too_large_is_not_kept_and_all_goes_when_the_survey_is_published(tmp_path: Path) -> None:
    third = Interval(value=1 / 3, low=0.1 + 0.2, high=1)
    units = {("fc7", 3): {"necessity": UnitNecessity(accuracy_change=third, needed_by=0, classes=())}}
    finished = FinishedPart(PartResult(make_necessity(), units), MeasuredPart(part=SurveyPart.SILENCE, seconds=1.5))
    save_finished(tmp_path, "key", finished, max_bytes=100)
    assert load_finished(tmp_path, "key", SurveyPart.SILENCE) is None
    assert not list((tmp_path / "parts").iterdir())
    save_finished(tmp_path, "key", finished)
    assert load_finished(tmp_path, "key", SurveyPart.SILENCE) == finished
    assert load_finished(tmp_path, "other", SurveyPart.SILENCE) is None
    keep_recording(tmp_path, PublishedSurvey("tiny", "noise", 1))
    assert load_finished(tmp_path, "key", SurveyPart.SILENCE) is None
