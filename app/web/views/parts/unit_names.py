"""Names of units within a network, such as fusion.conv5/12, in addresses and forms."""

from app.contract.errors import InvalidRequest
from app.contract.unit import UnitSummary

MAX_DIGITS = 9  # of the index of a unit


def unit_name(unit: UnitSummary) -> str:
    return f"{unit.layer}/{unit.index}"


def parse_unit_name(name: str) -> tuple[str, int]:
    """Return layer and index. Raises InvalidRequest for text that is no name of a unit."""
    layer, slash, number = name.rpartition("/")
    if not slash or not is_unit_index(number):
        raise InvalidRequest(
            f"{name[:200]!r} names no unit. Write its layer and number, such as class/12.",
            fields=[{"field": "u", "detail": "Write layer/number."}],
        )
    return layer, int(number)


def is_unit_index(text: str) -> bool:
    """Return whether the text is made of at most MAX_DIGITS plain digits."""
    return text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS
