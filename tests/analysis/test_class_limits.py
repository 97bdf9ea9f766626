"""How many classes a unit answers to is told in classes where there are few, and as a share where there are many."""

import pytest

from app.analysis.findings.specificity import limit_words
from app.contract.unit import generic_above, specific_below


@pytest.mark.parametrize(
    ("classes", "low", "high"),
    [
        (2, "1.25 of 2 classes", "1.6 of 2 classes"),
        (3, "1.25 of 3 classes", "2.2 of 3 classes"),
        (21, "25% of the classes", "60% of the classes"),
    ],
)
def test_limits(classes: int, low: str, high: str) -> None:
    assert limit_words(specific_below(classes), classes) == low
    assert limit_words(generic_above(classes), classes) == high
