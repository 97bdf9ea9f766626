"""Values and lists as HTML."""

from markupsafe import Markup

from app.contract.unit import UnitSummary
from app.web.markup import filled, hover_loop, lines, options, share_bar, unit_line, written
from app.web.views.unit_evidence import ClassBar
from app.web.views.unit_filters import FilterChoice


def test_values_are_written_as_html() -> None:
    assert written("<a & 'b'>") == "&lt;a &amp; &#39;b&#39;&gt;"
    assert (written("plain"), written(7), written(0.5), written(Markup("<b>"))) == ("plain", "7", "0.5", "<b>")


def test_names_in_long_lists_are_escaped() -> None:
    assert "<script>" not in options([FilterChoice("<script>", "<script>", 3, is_chosen=True)])
    assert "<script>" not in lines([ClassBar("<script>", '"><script>', 0.5, is_own=True)])


def test_a_bar_stays_on_its_rail() -> None:
    assert [filled(value) for value in (-0.5, 0.1234, 7.0)] == [0.0, 12.3, 100.0]


def test_a_still_without_a_picture_is_blank() -> None:
    assert hover_loop(None, None) == '<hover-loop><span class="blank" aria-hidden="true"></span></hover-loop>'
    assert f'<hover-loop poster="/-/media/{"a" * 64}.webp" loop="' in hover_loop("a" * 64, "b" * 64)


def test_a_share_starts_in_the_middle_and_goes_to_its_side() -> None:
    assert '<rect class="positive" x="50" width="25.0"' in share_bar(0.5)
    assert '<rect class="negative" x="25.0" width="25.0"' in share_bar(-0.5)
    assert '<rect class="positive" x="0" width="50.0"' in share_bar(0.5, 0)


def test_a_unit_in_a_line_has_its_still_or_says_that_it_is_a_real_clip() -> None:
    unit = UnitSummary(
        **{"network": "n", "layer": "fc6", "stream": "fusion", "index": 3, "label": "", "a_hat": None},
        **{"visualizations": 0, "poster": None, "loop": None, "clip": "c" * 64},
    )
    line = unit_line(unit, "<b>")
    assert "fc6/<wbr>3" in line
    assert "&lt;b&gt;" in line
    assert f"/-/media/{'c' * 64}.webp" in line
    assert "real clip" in line
    assert "<strong>3</strong>" in unit_line(unit, "", short=True)
    assert "real clip" not in unit_line(unit.model_copy(update={"clip": None}), "")
