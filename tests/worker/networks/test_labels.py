"""Class labels as people write them."""

import json
from pathlib import Path

import pytest

from app.contract.errors import InvalidRequest
from worker.networks.labels import read_labels

NAMES = ("abseiling", "air drumming", "zumba")

FILES = {
    "lines": "abseiling\nair drumming\nzumba\n",
    "CRLF, BOM and blank lines": "\ufeffabseiling\r\n\r\n  air drumming \r\nzumba\r\n\r\n",
    "old Macs": "abseiling\rair drumming\rzumba",
    "numbers first": "0 abseiling\n1 air drumming\n2 zumba",
    "from one, not in order": "3 zumba\n1 abseiling\n2 air drumming",
    "numbers last": "abseiling 0\nair drumming 1\nzumba 2\n",
    "colons": "0: abseiling\n1: air drumming\n2: zumba",
    "dots": "1. abseiling\n2. air drumming\n3. zumba",
    "tabs": "0\tabseiling\n1\tair drumming\n2\tzumba",
    "aligned": "  0   abseiling\n 1   air drumming\n2     zumba",
    "table": "0,abseiling\n1,air drumming\n2,zumba",
    "table with a header": "id,name\n0,abseiling\n1,air drumming\n2,zumba",
    "table the other way": 'name;id\n"zumba";2\n"abseiling";0\n"air drumming";1\n',
    "table of more": "index,name,clips\n0,abseiling,900\n1,air drumming,700\n2,zumba,800",
    "table in order": "name,description\nabseiling,down a rope\nair drumming,no drum\nzumba,a dance",
    "JSON list": json.dumps(NAMES),
    "JSON of numbers": json.dumps({name: index for index, name in enumerate(NAMES)}),
    "JSON of names": json.dumps({str(index): name for index, name in reversed(list(enumerate(NAMES)))}),
    "quoted as in Kinetics": json.dumps({f'"{name}"': index for index, name in enumerate(NAMES)}),
    "config.json": json.dumps({"hidden_size": 3, "id2label": {str(index): name for index, name in enumerate(NAMES)}}),
}


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "labels.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("form", FILES)
def test_every_form_gives_the_names_in_the_order_of_the_outputs(form: str, tmp_path: Path) -> None:
    assert read_labels(written(tmp_path, FILES[form])) == NAMES


def test_windows_saves_unicode_in_sixteen_bits(tmp_path: Path) -> None:
    assert read_labels(written(tmp_path, "caf\u00e9\r\nb\r\n".encode("utf-16"))) == ("caf\u00e9", "b")


@pytest.mark.parametrize(
    "names",
    [
        ("juggling, three balls", "juggling, two clubs"),
        ("class 0", "class 1"),
        ("3 balls", "throw (left)", "100 m run"),
        ("Apollo 11", "Apollo 13"),
        ("one",),
        ("7", "3", "5"),
        ('say "hi"', "it's"),
    ],
)
def test_names_with_numbers_commas_and_quotes_stay_as_they_are(names: tuple[str, ...], tmp_path: Path) -> None:
    assert read_labels(written(tmp_path, "\n".join(names))) == names


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a\nb\na\nc", "'a' stands for the outputs 0 and 2"),
        ('{"0": "a", "1": "a"}', "'a' stands for the outputs 0 and 1"),
        ('["a", " "]', "Output 1 has no name"),
        ("id,name\n0,a\n1,\n", "Output 1 has no name"),
        ("", "are empty"),
        ("\n\n", "are empty"),
        ("0 a\n2 b\n5 c", "begins with a number, but these are not 0 to 2"),
        ("0 a 1\n1 b 2", "begins with a number and ends with one"),
        ("0,1\n1,2", "one column with the numbers"),
        ("id,name\n0,a\n7,b", "one column with the numbers of the outputs, 0 to 1"),
        ("index,left,right\n0,a,b\n1,c,d", "one column with the numbers"),
        ('{"a": 0, "b": 2}', "numbers 0 to n - 1"),
        ('{"a": "x"}', "neither a list of names"),
        ('[{"name": "a"}]', "neither a list of names"),
        ("{", "no JSON"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"caf\xe9\nb", "cannot be read.*UTF-8"),
    ],
)
def test_what_has_no_one_reading_is_refused(content: str | bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=words):
        read_labels(written(tmp_path, content))


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="cannot be read"):
        read_labels(tmp_path / "none.txt")
