import pytest

from app.analysis.findings.words import p_words, share_words
from app.contract.interval import Interval
from app.web.formatting import breakable, p_value


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


@pytest.mark.parametrize(
    ("value", "words"), [(0.0, "< 0.001"), (0.00099, "< 0.001"), (0.001, "= 0.001"), (1, "= 1.000")]
)
def test_p_values_are_written_alike_on_pages_and_in_sentences(value: float, words: str) -> None:
    assert p_value(value) == words
    assert p_words(value) == f"p {words}"


def test_the_interval_of_a_share_stays_within_0_and_1() -> None:
    assert share_words(Interval(value=0.98, low=-0.01, high=1.02)) == "98% (0% to 100%)"
