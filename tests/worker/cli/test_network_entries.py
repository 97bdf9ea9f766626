"""KINETOSCOPE_NETWORKS as people write it: with colons, commas and spaces in paths."""

import re
from pathlib import Path

import pytest

from app.contract.errors import InvalidRequest
from worker.cli.network_entries import parse_entry, split_entries
from worker.networks.registry import split_paths

NAMES = ("plain.pt", "12:30.pt", "run 3, final.pt", "C:\\data\\w.pt", "a:b:c, d.pt")


@pytest.mark.parametrize("labels", ["", "labels.txt", "labels: my own, here.txt"])
@pytest.mark.parametrize("name", NAMES)
def test_paths_that_are_there_are_told_apart(name: str, labels: str, tmp_path: Path) -> None:
    weights, label_file = tmp_path / name, tmp_path / labels if labels else None
    weights.touch()
    family = tmp_path / "family: mine.py"
    family.touch()
    entry = f"{weights}:{label_file}" if label_file else f"{weights}"
    if label_file:
        label_file.touch()
    value = f"i3d:{entry}, {family}:{entry} ,i3d:/nowhere.pt, {weights}"
    entries = split_entries(value)
    assert entries[2:3] == ["i3d:/nowhere.pt"]
    assert parse_entry(entries[0]) == ("i3d", weights, label_file)
    assert parse_entry(entries[1]) == (str(family), weights, label_file)


def test_paths_that_are_not_there_are_named_when_they_are_read() -> None:
    assert parse_entry("i3d:/a.pt") == ("i3d", Path("/a.pt"), None)
    assert parse_entry("i3d:/a.pt:/b.txt") == ("i3d", Path("/a.pt"), Path("/b.txt"))
    assert parse_entry("i3d:C:\\a.pt:D:/b.txt") == ("i3d", Path("C:\\a.pt"), Path("D:/b.txt"))
    assert parse_entry("x:/a.pt") == ("x", Path("/a.pt"), None)


def test_a_list_may_be_longer_than_any_path() -> None:
    entries = [f"i3d:{'w' * 200}{number}.pt" for number in range(40)]
    assert split_entries(",".join(entries)) == entries
    assert split_paths(",".join(entries)) == [Path(entry) for entry in entries]


@pytest.mark.parametrize("entry", ["i3d", "i3d:", ":w.pt", "i3d:/a:/b:/c"])
def test_what_is_no_entry(entry: str) -> None:
    with pytest.raises(InvalidRequest, match=re.escape(f"{entry!r} is not `family:weights`")):
        parse_entry(entry)
