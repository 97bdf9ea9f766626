import pytest

from app.web.formatting import breakable


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("red_fast_blue_slow", ["red_", "fast_", "blue_", "slow"]),
        ("fusion.conv5_2/22", ["fusion.", "conv5_2/", "22"]),
        ("Mixed_4f", ["Mixed_4f"]),
    ],
)
def test_a_name_breaks_between_its_words_and_not_before_a_number(name: str, lines: list[str]) -> None:
    assert breakable(name).split("<wbr>") == lines
