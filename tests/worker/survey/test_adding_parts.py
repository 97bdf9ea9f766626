"""Parts of a survey are chosen, added later, planned beforehand, and do not take the others down when they fail."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.contract.errors import NotFinite
from app.contract.evidence import Synergy
from app.contract.job import PlannedPart
from app.contract.survey import MeasuredPart, Survey
from app.contract.survey_part import SurveyPart
from app.settings import settings
from app.store import datasets
from app.store.catalog.networks import get_card
from app.store.database.engine import open_store
from app.store.surveys import evidence
from tests.worker.conftest import Invoke
from tests.worker.survey.test_commands import texture
from worker.evidence.types import Observe
from worker.networks.network import Network
from worker.survey.context import SurveyContext
from worker.survey.kept_recordings import KEPT_FILE, PublishedSurvey, keep_recording, prune_recordings
from worker.survey.parts import PARTS
from worker.survey.parts.mask import MASK
from worker.survey.parts.part import Part, PartResult
from worker.survey.parts.streams import STREAMS
from worker.survey.prefetch import Sample
from worker.survey.run import SurveyRun
from worker.survey.stages import StageProgress
from worker.tasks.survey import prune_kept_recordings
from worker.video.flow import Frames

CLIPS = 6


def noise(number: int) -> Callable[[int], Frames]:
    return lambda count: np.random.default_rng(number).integers(0, 255, (6, 68, 68, 3)).astype(np.uint8)


def make_run(network: Network, folder: Path, **options: object) -> SurveyRun:
    labels = network.card.classes
    samples = [Sample(f"clip {n}", labels[n % 3], noise(n), f"person {n // 2}") for n in range(CLIPS)]
    return SurveyRun(network, "noise", samples, folder, probed_layers=["fc7"], **options)  # type: ignore[arg-type]


def test_copies_of_a_clip_are_one_group_though_nothing_tells_so(tiny_two_stream: Network, tmp_path: Path) -> None:
    labels = tiny_two_stream.card.classes
    samples = [Sample(f"clip {n}", labels[n % 3], noise(n % 6)) for n in range(12)]
    survey = SurveyRun(tiny_two_stream, "copies", samples, tmp_path)
    survey.record()
    assert survey.context.clips.groups.tolist() == [0, 1, 2, 3, 4, 5] * 2
    assert not survey.context.groups_known


def overflow(context: SurveyContext, observe: Observe) -> PartResult:
    raise NotFinite("The control overflows.")


def break_down(context: SurveyContext, observe: Observe) -> PartResult:
    raise ZeroDivisionError


def divide_by_zero(context: SurveyContext, observe: Observe) -> PartResult:
    return PartResult(units={("fc7", 3): {"synergy": Synergy(clips=float("nan"))}})


def ask_in_vain(context: SurveyContext) -> bool:
    raise LookupError


def test_a_part_that_fails_takes_no_other_with_it(tiny_two_stream: Network, tmp_path: Path) -> None:
    survey = make_run(tiny_two_stream, tmp_path, parts=[SurveyPart.STREAMS])
    failing = [replace(MASK, measure=overflow), replace(MASK, name=SurveyPart.REPAIRS, measure=break_down)]
    unsure = replace(MASK, name=SurveyPart.CODING, applies=ask_in_vain)
    endless = replace(MASK, name=SurveyPart.PROBE, measure=divide_by_zero)
    survey.parts = [*failing, unsure, endless, STREAMS]
    facts = survey.run().facts
    assert [each.part for each in facts.parts] == [SurveyPart.RECORD, SurveyPart.STREAMS]
    assert [(each.part, each.applies) for each in facts.omitted] == [
        ("mask", True),
        ("repairs", True),
        ("coding", True),
        ("probe", True),
    ]
    assert facts.omitted[0].reason == "The control overflows."
    assert "ZeroDivisionError" in facts.omitted[1].reason
    assert "LookupError" in facts.omitted[2].reason
    assert facts.omitted[3].reason.startswith("fc7/3.synergy.clips is nan. A figure must be a finite number")
    assert facts.groups_known


def test_time_is_planned_beforehand_and_told_by_what_it_went_into(tiny_two_stream: Network, tmp_path: Path) -> None:
    seen: list[StageProgress] = []
    costs = {SurveyPart.RECORD: 0.5, SurveyPart.MASK: 2.0}
    chosen = [SurveyPart.MASK, SurveyPart.STREAMS]
    survey = make_run(tiny_two_stream, tmp_path, parts=chosen, pass_seconds=costs, observe=seen.append)
    facts = survey.run().facts
    assert seen[0].parts[0] == PlannedPart(part=SurveyPart.RECORD, passes=CLIPS, estimate=0.5 * CLIPS)
    assert {each.part for each in seen[0].parts} == {SurveyPart.RECORD, *chosen}
    planned = {each.part: each for each in survey.plan.parts}
    assert planned[SurveyPart.MASK].estimate == 2.0 * (planned[SurveyPart.MASK].passes or 0)
    assert planned[SurveyPart.STREAMS].estimate == 0.5 * (planned[SurveyPart.STREAMS].passes or 0)
    assert (planned[SurveyPart.MASK].most_passes, planned[SurveyPart.RECORD].most_passes) == (2 * 600, None)
    assert planned[SurveyPart.RECORD].seconds is not None
    for each in facts.parts:
        assert each.rest_seconds is not None
        assert each.decode_seconds is not None
        assert each.seconds == pytest.approx(each.rest_seconds + each.decode_seconds + (each.forward_seconds or 0))
    assert (facts.parts[0].forward_seconds or 0) > 0
    assert [each.constants for each in facts.parts] == [None, STREAMS.constants, MASK.constants]


@pytest.mark.parametrize("part", PARTS)
def test_every_part_states_the_constants_that_determine_it(part: Part) -> None:
    assert part.constants
    assert MeasuredPart(part=part.name, seconds=1, constants=part.constants).constants == part.constants


@pytest.fixture
def surveyed(invoke: Invoke, tiny_two_stream_weights: Path, tmp_path: Path) -> Invoke:
    """Return the command, with a survey of six videos that only recorded."""
    invoke("networks", "add", "tiny_two_stream", "--weights", tiny_two_stream_weights, "--slug", "tiny")
    for number in range(CLIPS):
        label = ("jump", "run")[number % 2]
        texture(tmp_path / "videos" / label / f"{label}_{number}.mp4", number, 1 + number % 3)
    assert "Not measured before" in invoke("survey", "tiny", tmp_path / "videos", "--parts", "record").output
    return invoke


def read_survey() -> Survey:
    store = open_store(settings().sqlalchemy_url)
    with store.session() as session:
        survey = evidence.get_survey(session, card=get_card(session, slug="tiny"))
    store.close()
    assert survey is not None
    return survey


def read_synergies() -> list[object]:
    store = open_store(settings().sqlalchemy_url)
    with store.session() as session:
        card = get_card(session, slug="tiny")
        units = [evidence.get_evidence(session, card=card, layer="fusion.conv5", unit=unit) for unit in range(4)]
    store.close()
    return [unit and unit.synergy for unit in units]


def test_parts_are_added_to_a_published_survey_also_where_its_recording_is_gone(
    surveyed: Invoke, tmp_path: Path
) -> None:
    recorded = read_survey()
    assert [each.part for each in recorded.parts] == [SurveyPart.RECORD]
    assert SurveyPart.PROBE in recorded.missing_parts
    assert not any(read_synergies())
    peaks = next((tmp_path / "surveys").glob("*/maxima.npy"))
    written = peaks.stat().st_mtime_ns
    output = surveyed("survey", "tiny", "videos", "--parts", "probe,mask").output
    assert "At most" not in output.split("Surveyed")[0], "neither part was measured before"
    probed, synergies = read_survey(), read_synergies()
    assert [each.part for each in probed.parts] == ["record", "probe", "mask"]
    assert probed.parts[0] == recorded.parts[0], "no clip was recorded again"
    assert peaks.stat().st_mtime_ns == written
    assert any(synergies)
    assert probed.recall == recorded.recall
    shutil.rmtree(tmp_path / "surveys")
    surveyed("survey", "tiny", "videos", "--parts", "streams")
    swapped = read_survey()
    assert [each.part for each in swapped.parts] == ["record", "probe", "streams", "mask"]
    assert swapped.parts[0] != recorded.parts[0], "the clips were recorded again"
    assert swapped.masked == probed.masked
    assert read_synergies() == synergies
    assert (
        "There is no part 'prob' of a survey"
        in surveyed("survey", "tiny", "videos", "--parts", "prob", ok=False).output
    )


def test_a_recording_goes_with_its_survey(surveyed: Invoke, tmp_path: Path) -> None:
    store = open_store(settings().sqlalchemy_url)
    prune_kept_recordings(store, tmp_path / "surveys")
    assert len(list((tmp_path / "surveys").iterdir())) == 1
    with store.transaction() as session:
        datasets.remove_dataset(session, slug="videos")
    (tmp_path / "surveys" / "under way").mkdir()
    prune_kept_recordings(store, tmp_path / "surveys")
    assert [each.name for each in (tmp_path / "surveys").iterdir()] == ["under way"], "one that may go on is left"
    store.close()


def test_the_oldest_recordings_go_where_they_take_too_much_room(tmp_path: Path) -> None:
    surveys = [PublishedSurvey("tiny", f"set-{number}", number) for number in range(3)]
    for survey in surveys:
        folder = tmp_path / survey.dataset
        folder.mkdir()
        (folder / "maxima.npy").write_bytes(b"0" * 1000)
        keep_recording(folder, survey)
    for age, survey in enumerate(reversed(surveys)):
        os.utime(tmp_path / survey.dataset / KEPT_FILE, (1_000_000 - age, 1_000_000 - age))
    prune_recordings(tmp_path, surveys, max_bytes=2500)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["set-1", "set-2"]
