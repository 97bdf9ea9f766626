"""Fields of a recipe that forms and commands write as text: a position of the map, and units of the layer."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

MAX_OTHER_UNITS = 256


def parse_numbers(value: Any) -> list[int] | None:
    """Return the whole numbers from 0 on in `1,3,4` or in a list; None where it holds anything else."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        return None
    texts = [str(part).strip() for part in parts]
    return [int(text) for text in texts] if all(text.isdecimal() and len(text) < 10 for text in texts) else None


def parse_position(value: Any) -> Any:
    """Return the three numbers of a position of the map. Raises ValueError."""
    if value is None:
        return None
    numbers = parse_numbers(value)
    if numbers is None or len(numbers) != 3:
        raise ValueError("give frame, row and column of the map, three numbers from 0 on, such as 1,3,4")
    return tuple(numbers)


def parse_units(value: Any) -> Any:
    """Return units in order and each once, so that the same units give the same key. Raises ValueError."""
    if value is None or value == "others":
        return value
    numbers = parse_numbers(value)
    if not numbers or len(numbers) > MAX_OTHER_UNITS:
        raise ValueError(f"name up to {MAX_OTHER_UNITS} units by number, such as 3 or 3,17, or `others`")
    return tuple(sorted(set(numbers)))


Index = Annotated[int, Field(ge=0)]
MapPosition = tuple[Index, Index, Index]  # frame, row and column
OtherUnits = tuple[Index, ...] | Literal["others"]

ParsePosition = BeforeValidator(parse_position, json_schema_input_type=str | MapPosition | None)
ParseUnits = BeforeValidator(parse_units, json_schema_input_type=str | tuple[Index, ...] | None)
