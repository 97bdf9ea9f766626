import pytest

from app.contract.coding import UnitCoding, UnitCodingEvidence, UnitCorrelation
from app.contract.interval import Interval
from benchmarks.coding import agree


def unit(kind: UnitCoding, static: float, dynamic: float) -> UnitCodingEvidence:
    effects = [
        UnitCorrelation(shared=x, not_shared=0, difference=Interval(value=x, low=x, high=x), p_value=0.01)
        for x in (static, dynamic)
    ]
    return UnitCodingEvidence(kind=kind, static=effects[0], dynamic=effects[1], pairs=20)


def test_agreement_is_one_with_oneself_and_none_with_the_opposite() -> None:
    static, dynamic = UnitCoding.STATIC, UnitCoding.DYNAMIC
    units = {("fc6", n): unit(static if n % 2 else dynamic, n / 10, -n / 10) for n in range(8)}
    same = agree(units, units, ["fc6"])
    assert (same.units, same.same_kind, same.kappa) == (8, 1, 1)
    assert same.static == pytest.approx(1)
    opposite = {key: unit(dynamic if n % 2 else static, -n / 10, n / 10) for n, key in enumerate(units)}
    other = agree(units, opposite, ["fc6"])
    assert (other.same_kind, other.kappa) == (0, -1)
    assert other.static == pytest.approx(-1)
    assert agree(units, {**opposite, ("fc7", 0): units["fc6", 0]}, ["fc6"]).units == 8
