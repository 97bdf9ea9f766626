"""With few classes, the thresholds of roles and detection are ones that a unit can meet, and can fail."""

import pytest

from app.contract.unit import UnitRole, generic_above, min_detection_precision, specific_below


@pytest.mark.parametrize("classes", [2, 3, 4])
def test_a_unit_of_few_classes_can_have_every_role(classes: int) -> None:
    roles = {UnitRole.of(1.0, 1 + step / 100 * (classes - 1), classes) for step in range(101)}
    assert roles == {UnitRole.SPECIFIC, UnitRole.MIXED, UnitRole.GENERIC}
    assert UnitRole.of(1.0, 1.1, classes) is UnitRole.SPECIFIC
    assert UnitRole.of(1.0, float(classes), classes) is UnitRole.GENERIC
    assert specific_below(classes) * classes == 1.25
    assert 1 / classes < min_detection_precision(classes) < 1, "beyond what chance gives"


def test_five_classes_and_more_keep_their_thresholds() -> None:
    for classes in (5, 21, 400):
        assert (specific_below(classes), generic_above(classes)) == (0.25, 0.6)
        assert min_detection_precision(classes) == 0.5
