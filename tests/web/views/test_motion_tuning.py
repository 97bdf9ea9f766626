"""The unit's page shows its tuning to the size, rate and direction of motion, and what was not measured."""

import pytest

from app.contract.interval import Interval
from app.contract.invariance import MotionTuning
from app.contract.recipe import Speed
from app.store.database.engine import Store
from app.web.charts.plots import HEIGHT, WIDTH, gain_plot
from app.web.views.parts.motion_tuning import motion_tuning_panel, stimulus_responses
from tests.evidence_support import add_dataset, survey
from tests.web.views.conftest import Make, Open
from tests.web.views.test_templates import check

TUNED = MotionTuning(
    clips=6,
    motion_share=0.8,
    gains=(0.5, 1.0, 2.0),
    gain_responses=(0.5, 1.0, 2.0),
    gain_slope=Interval(value=1.0, low=0.9, high=1.1),
    slope_groups=6,
    rates=(0.5, 1.0, 2.0, 4.0),
    rate_responses=(0.4, 1.0, 0.9, None),
    preferred_rate=1.0,
    rate_octaves=1.8,
    censored_above=True,
    direction=0.0,
    direction_responses=(1.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5),
    selectivity=0.85,
    selectivity_p_value=0.002,
    grating_speed=2.0,
    grating_frequency=0.125,
)
IGNORES = MotionTuning(clips=3, motion_share=0.02)


@pytest.fixture
def surveyed(store: Store, open_page: Open) -> Open:
    add_dataset(store)
    tunings = {0: TUNED, 1: IGNORES}
    survey(store, change=lambda layer, unit: {"motion": tunings.get(unit)} if layer == "fc6" else {})
    return open_page


def test_curves_have_their_axes_units_and_n(surveyed: Open) -> None:
    page = surveyed("/tiny/fc6/0")
    check(page)
    text = " ".join(page.text.split())
    assert "Size of motion: slope 1.00 (0.900 to 1.10)" in text
    assert "in proportion to the size of the motion" in text
    assert "at least 1.8 octaves" in text
    assert "× 4" not in text, "no clip is long enough for it"
    assert "Drifting gratings: selectivity 0.850, p = 0.002" in text
    assert "6 clips" in text
    assert "octaves Response to motion replayed" not in text, "the new measure takes the place of the old"


def test_a_unit_that_ignores_motion_has_no_curves(surveyed: Open) -> None:
    page = surveyed("/tiny/fc6/1")
    check(page)
    assert "by less than 10%" in page.text
    assert "Size of motion: slope" not in page.text


def test_the_response_to_its_own_slow_and_fast_stimuli(surveyed: Open, make: Make) -> None:
    made = make(0)
    assert "Its response to its own stimuli" not in surveyed("/tiny/fc6/0").text
    of_speed = {
        speed: made.model_copy(
            update={
                "recipe": made.recipe.model_copy(update={"speed": speed}),
                "measurements": made.measurements.model_copy(update={"activation": activation}),
            }
        )
        for speed, activation in ((Speed.SLOW, 3.0), (Speed.FREE, 6.0))
    }
    responses = stimulus_responses(2.0, list(of_speed.values()))
    assert [each.reach for each in responses] == [1.5, None, None, 3.0]
    assert stimulus_responses(0.0, list(of_speed.values())) == ()
    panel = motion_tuning_panel(TUNED, 2.0, list(of_speed.values()))
    assert panel is not None
    assert panel.stimuli == responses


def test_a_survey_from_before_shows_the_old_tuning(surveyed: Open) -> None:
    assert "Response to motion replayed slower and faster" in surveyed("/tiny/fc6/2").text


def test_a_linear_unit_is_the_diagonal_of_the_plot() -> None:
    points = gain_plot((0.5, 1, 2), (0.5, 1, 2)).points
    assert [(point.x, point.y) for point in points] == [(0, HEIGHT), (WIDTH / 2, HEIGHT / 2), (WIDTH, 0)]
    assert gain_plot((0.5, 1, 2), (0, 1, 1)).points[0].y == HEIGHT, "no response is at the foot"
