"""Read the values of a config that is written in Python, as training frameworks save it, and run none of it.

The text becomes a syntax tree, of which assignments of plain values at the top are read: numbers, texts, lists,
dictionaries and calls of `dict`. Everything else (functions, imports, conditions) is passed over.
"""

import ast
from collections.abc import Mapping
from typing import Any, Final

MAX_CHARACTERS = 500_000  # of a config: those of trainings have ten thousand
MAX_DEPTH = 60  # of values within values
MAX_VALUES = 200_000  # that a text may come to, where names repeat others


class Unknown:
    """Stands for a value that would have to be computed."""


UNKNOWN: Final = Unknown()


class _Reader:
    def __init__(self) -> None:
        self.names: dict[str, Any] = {}
        self.values = 0

    def read(self, node: ast.expr | None, depth: int = 0) -> Any:
        """Return the value of an expression; UNKNOWN for one that is not written out."""
        self.values += 1
        if depth > MAX_DEPTH or self.values > MAX_VALUES:
            return UNKNOWN
        match node:
            case ast.Constant(value=bool() | int() | float() | str() | None):
                return node.value
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                return [self.read(element, depth + 1) for element in elements]
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                return -number
            case ast.Dict(keys=keys, values=values):
                return self._join(
                    [(self.read(key) if key else None, value) for key, value in zip(keys, values, strict=True)], depth
                )
            case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords):
                return self._join([(keyword.arg, keyword.value) for keyword in keywords], depth)
            case ast.Name(id=name):
                return self._copy(self.names.get(name, UNKNOWN))
            case _:
                return UNKNOWN

    def _join(self, pairs: list[tuple[Any, ast.expr]], depth: int) -> dict[str, Any]:
        """Return a dictionary of pairs; a pair without a key is another dictionary, `**other`."""
        joined: dict[str, Any] = {}
        for key, node in pairs:
            value = self.read(node, depth + 1)
            if key is None and isinstance(value, dict):
                joined |= value
            elif isinstance(key, str):
                joined[key] = value
        return joined

    def _copy(self, value: Any) -> Any:
        """Count the values that a name stands for, so that names of names cannot grow without bound."""
        self.values += _count(value)
        return value if self.values <= MAX_VALUES else UNKNOWN


def _count(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(_count, value.values()))
    return 1 + sum(map(_count, value)) if isinstance(value, list) else 1


def read_python_config(text: str) -> Mapping[str, Any]:
    """Return the values that a Python text assigns to names at its top, by name. No part of the text is run.

    Lists and tuples are lists; what would have to be computed is UNKNOWN. A text that is no Python, or has more than
    500,000 characters, gives nothing.
    """
    if len(text) > MAX_CHARACTERS:
        return {}
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    reader = _Reader()
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                reader.names[name] = reader.read(value)
            case _:
                pass
    return reader.names
