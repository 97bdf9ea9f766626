"""Read the class labels of a network from the files in which people keep them: lines, tables and JSON.

A file is read where one way to read it gives every output of the network one name. Numbers beside the names are the
outputs, from 0 or from 1; without numbers the names are in the order of the outputs.
"""

import csv
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.contract.errors import InvalidRequest

Numbered = list[tuple[int, str]]  # output and name

NUMBER_FIRST = re.compile(r"(\d{1,6})\s*[\s:.)=-]\s*(\S.*)")
NUMBER_LAST = re.compile(r"(.*\S)\s*[\s:=]\s*(\d{1,6})")
DELIMITERS = ",;\t"
NAME_COLUMNS = {"name", "names", "label", "labels", "class", "classname", "class_name", "display_name", "category"}
NUMBER_COLUMNS = {"id", "index", "idx", "class_id", "classid", "label_id", "number", "output"}
KNOWN_COLUMNS = NAME_COLUMNS | NUMBER_COLUMNS
KINETICS_400 = Path(__file__).with_name("kinetics400.txt")  # in alphabetical order, as nearly all releases have them
FORMS = "Give one name a line in the order of the outputs, `number name` a line, a table of both, or JSON."


def read_labels(path: Path) -> tuple[str, ...]:
    """Read the class labels in the order of the outputs.

    Raises InvalidRequest if the file cannot be read in exactly one way, or if a label is empty or occurs twice.
    """
    try:
        data = path.read_bytes()
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise InvalidRequest(f"The labels {path} cannot be read: {error}. Give a text file in UTF-8. {FORMS}") from None
    names = _from_json(path, text) if text.lstrip()[:1] in ("{", "[") else _from_lines(path, text)
    labels = [_clean(name) for name in names]
    if not labels:
        raise InvalidRequest(f"The labels {path} are empty. {FORMS}")
    for output, label in enumerate(labels):
        if not label:
            raise InvalidRequest(f"Output {output} has no name in the labels {path}: every class needs one.")
        first = labels.index(label)
        if first != output:
            raise InvalidRequest(
                f"The label {label!r} stands for the outputs {first} and {output} in {path}: "
                "every class needs a name of its own."
            )
    return tuple(labels)


def kinetics_labels(outputs: int) -> tuple[str, ...]:
    """Return the labels of Kinetics-400 for a network of so many outputs; none for any other number."""
    labels = read_labels(KINETICS_400)
    return labels if len(labels) == outputs else ()


def check_label_count(outputs: int, labels: int) -> None:
    """Raise InvalidRequest unless there are as many labels as a network has outputs."""
    if labels != outputs:
        raise InvalidRequest(
            f"The network has {outputs} classes, but there are {labels} labels: give one for each output, in their "
            "order (`classInd.txt` for the 101 of UCF101)."
        )


def _clean(name: str) -> str:
    """Return a name without space and quotes around it, which the lists of Kinetics have."""
    name = name.strip()
    return name[1:-1].strip() if len(name) > 2 and name[0] == name[-1] == '"' else name


def _from_json(path: Path, text: str) -> Sequence[str]:
    """Return the names in a list of them, or of an object from names to numbers or from numbers to names."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"The labels {path} are no JSON ({error}). {FORMS}") from None
    if isinstance(content, dict) and isinstance(content.get("id2label"), dict):
        content = content["id2label"]  # of a model's config.json
    if isinstance(content, list) and all(isinstance(name, str) for name in content):
        return content
    numbered = _numbered_json(content) if isinstance(content, dict) else None
    names = _in_order(numbered) if numbered else None
    if names is None:
        raise InvalidRequest(
            f"The labels {path} are neither a list of names nor an object of names with the numbers 0 to n - 1: {FORMS}"
        )
    return names


def _numbered_json(content: Mapping[str, object]) -> Numbered | None:
    if all(type(value) is int for value in content.values()):
        return [(value, name) for name, value in content.items() if isinstance(value, int)]
    if all(name.isdecimal() and len(name) < 7 and isinstance(value, str) for name, value in content.items()):
        return [(int(name), str(value)) for name, value in content.items()]
    return None


def _in_order(numbered: Numbered) -> list[str] | None:
    """Return the names by number, where the numbers are all from 0 or all from 1; None for any others."""
    ordered = sorted(numbered)
    numbers = [number for number, _ in ordered]
    if not numbers or numbers != list(range(numbers[0], numbers[0] + len(numbers))) or numbers[0] > 1:
        return None
    return [name for _, name in ordered]


def _from_lines(path: Path, text: str) -> Sequence[str]:
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line]  # a line left blank by mistake shows in the number of labels
    table = _from_table(path, lines)
    if table is not None:
        return table
    if len(lines) < 2:
        return lines
    readings: list[list[str]] = []
    first = [(int(match[1]), match[2]) for match in map(NUMBER_FIRST.fullmatch, lines) if match]
    if len(first) == len(lines):
        names = _in_order(first)
        if names is None and len({number for number, _ in first}) == len(first):
            raise InvalidRequest(
                f"Every line of the labels {path} begins with a number, but these are not 0 to {len(lines) - 1} (nor 1 "
                f"to {len(lines)}): number the outputs of the network without gaps, or leave the numbers away."
            )
        readings += [names] if names else []
    last = [(int(match[2]), match[1]) for match in map(NUMBER_LAST.fullmatch, lines) if match]
    names = _in_order(last) if len(last) == len(lines) else None
    if names and len({_clean(name) for name in names}) == len(names):  # else the numbers are parts of the names
        readings.append(names)
    if len(readings) > 1:
        raise InvalidRequest(
            f"Every line of the labels {path} begins with a number and ends with one: leave away those that are not "
            "part of the name."
        )
    return readings[0] if readings else lines


def _from_table(path: Path, lines: Sequence[str]) -> list[str] | None:
    """Return the names in a table with a column of numbers, or under a header that says which they are; else None."""
    for delimiter in DELIMITERS:
        try:
            rows = list(csv.reader(lines, delimiter=delimiter, skipinitialspace=True))
        except csv.Error:
            continue
        width = len(rows[0]) if rows else 0
        if width < 2 or any(len(row) != width for row in rows):
            continue
        header = [cell.strip().casefold() for cell in rows[0]]
        has_header = len(rows) > 1 and not KNOWN_COLUMNS.isdisjoint(header)
        body = rows[1:] if has_header else rows
        numbers = [column for column in range(width) if _numbered_by(body, column) is not None]
        if has_header and not numbers and NUMBER_COLUMNS.isdisjoint(header):  # in the order of the outputs
            numbered = list(enumerate(body))
        elif len(numbers) == 1:
            numbered = _numbered_by(body, numbers[0]) or []
        elif has_header or numbers:
            raise _unclear_table(path, delimiter, len(body))
        else:
            continue
        others = [column for column in range(width) if column not in numbers]
        names = [column for column in others if has_header and header[column] in NAME_COLUMNS] or others
        if len(names) != 1:
            raise _unclear_table(path, delimiter, len(body))
        return _in_order([(number, row[names[0]]) for number, row in numbered])
    return None


def _numbered_by(rows: Sequence[list[str]], column: int) -> list[tuple[int, list[str]]] | None:
    """Return the rows with their numbers in a column; None where that does not number the outputs."""
    cells = [row[column].strip() for row in rows]
    if not all(cell.isdecimal() and len(cell) < 7 for cell in cells):
        return None
    numbers = list(map(int, cells))
    in_order = _in_order([(number, "") for number in numbers])
    return None if in_order is None else list(zip(numbers, rows, strict=True))


def _unclear_table(path: Path, delimiter: str, rows: int) -> InvalidRequest:
    return InvalidRequest(
        f"The table of labels {path} must have one column with the numbers of the outputs, 0 to {rows - 1}, and one "
        f"with their names, under a header such as `id{delimiter}name`."
    )
