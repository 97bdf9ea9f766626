"""Filters and small macros of the templates."""

from typing import Any

import pytest

from app.contract.unit import UnitSummary
from app.web.formatting import bar_width
from app.web.render import environment
from app.web.views.parts.unit_evidence import ClassBar
from app.web.views.parts.unit_filters import Filter, FilterChoice


def part(file: str, name: str, *arguments: Any) -> str:
    """Return what a macro of a file in templates/parts makes."""
    return str(getattr(environment().get_template(f"parts/{file}.html").module, name)(*arguments))


def squeezed(html: str) -> str:
    return " ".join(html.split()).replace("> <", "><")


@pytest.mark.parametrize(
    ("value", "html"), [("<a & 'b'>", "&lt;a &amp; &#39;b&#39;&gt;"), ("plain", "plain"), (7, "7"), (0.5, "0.5")]
)
def test_values_are_written_as_html(value: object, html: str) -> None:
    assert environment().from_string("{{ value }}").render(value=value) == html


def test_names_in_long_lists_are_escaped() -> None:
    choice = FilterChoice("<script>", "<script>", 3, is_chosen=True)
    options = part("explorer", "filter_list", Filter("class", "class", (choice,) * 7))
    assert "<script>" not in options
    assert '<option value="&lt;script&gt;" selected>&lt;script&gt; (3)</option>' in options
    assert "<script>" not in part("evidence", "class_bars", [ClassBar("<script>", '"><script>', 0.5, is_own=True)])


def test_a_bar_stays_on_its_rail() -> None:
    assert [bar_width(value) for value in (-0.5, 0.1234, 7.0)] == [0.0, 12.3, 100.0]


def test_a_still_without_a_picture_is_blank() -> None:
    blank = squeezed(part("thumbnails", "hover_loop", None, None))
    assert blank == '<hover-loop><span class="blank" aria-hidden="true"></span></hover-loop>'
    assert f'<hover-loop poster="/-/media/{"a" * 64}.webp" loop="' in part(
        "thumbnails", "hover_loop", "a" * 64, "b" * 64
    )


def test_a_share_starts_in_the_middle_and_goes_to_its_side() -> None:
    assert '<rect class="positive" x="50" width="25.0"' in part("bars", "signed_bar", 0.5)
    assert '<rect class="negative" x="25.0" width="25.0"' in part("bars", "signed_bar", -0.5)
    assert '<rect class="positive" x="0" width="50.0"' in part("bars", "signed_bar", 0.5, 0)


def test_a_unit_in_a_line_has_its_still_or_says_that_it_is_a_real_clip() -> None:
    unit = UnitSummary(
        **{"network": "n", "layer": "fc6", "stream": "fusion", "index": 3, "label": "", "a_hat": None},
        **{"visualizations": 0, "poster": None, "loop": None, "clip": "c" * 64},
    )
    line = part("thumbnails", "unit_link", unit, "<b>")
    assert "fc6/<wbr>3" in line
    assert "&lt;b&gt;" in line
    assert f"/-/media/{'c' * 64}.webp" in line
    assert "strongest clip" in line
    assert "<strong>3</strong>" in part("thumbnails", "unit_link", unit, "", True)
    assert "strongest clip" not in part("thumbnails", "unit_link", unit.model_copy(update={"clip": None}), "")
