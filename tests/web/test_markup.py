"""Values and lists as HTML."""

from markupsafe import Markup

from app.web.evidence import Bar
from app.web.markup import filled, hover_loop, lines, options, written
from app.web.parts import FilterChoice


def test_values_are_written_as_html() -> None:
    assert written("<a & 'b'>") == "&lt;a &amp; &#39;b&#39;&gt;"
    assert (written("plain"), written(7), written(0.5), written(Markup("<b>"))) == ("plain", "7", "0.5", "<b>")


def test_names_in_long_lists_are_escaped() -> None:
    assert "<script>" not in options([FilterChoice("<script>", "<script>", 3, is_chosen=True)])
    assert "<script>" not in lines([Bar("<script>", '"><script>', 0.5, is_own=True)])


def test_a_bar_stays_on_its_rail() -> None:
    assert [filled(value) for value in (-0.5, 0.1234, 7.0)] == [0.0, 12.3, 100.0]


def test_a_still_without_a_picture_is_blank() -> None:
    assert hover_loop(None, None) == '<hover-loop><span class="blank" aria-hidden="true"></span></hover-loop>'
    assert f'<hover-loop poster="/-/media/{"a" * 64}.webp" loop="' in hover_loop("a" * 64, "b" * 64)
