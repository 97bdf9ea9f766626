import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.contract.errors import Conflict, InvalidRequest, UnknownFamily
from app.settings import ROOT, Settings
from worker.networks.registry import (
    find_family,
    list_families,
    load_entry_points,
    load_file,
    load_files,
    register,
    split_paths,
)

OWN = """
from torch import nn
from app.contract.catalog import Extent, Stream, StreamName
from worker.networks.registry import register

@register(
    name="{name}",
    title="Mine",
    streams=[Stream(name=StreamName.CLIP, frames=4, height=8, width=8)],
    stimulus=Extent(frames=4, height=8, width=8),
    classes=["yes", "no"],
)
def build(classes):
    return nn.Linear(1, classes)
"""


def own_file(folder: Path, name: str, *, twice: bool = False) -> Path:
    path = folder / f"{name}.py"
    path.write_text(OWN.format(name=name) + (OWN.format(name=f"{name}_2") if twice else ""))
    return path


def test_ours_are_there() -> None:
    names = [family.name for family in list_families()]
    assert {"i3d", "vgg16_two_stream"} <= set(names)
    assert names == sorted(names)


def test_unknown_family_names_those_near() -> None:
    with pytest.raises(UnknownFamily, match=r"family of networks 'i3'\. Near: i3d.*KINETOSCOPE_FAMILIES"):
        find_family("i3")


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = own_file(tmp_path, "mine")
    family = find_family(str(path))
    assert (family.name, family.labels) == ("mine", ("yes", "no"))
    assert find_family(str(path)) is family  # not run again
    assert find_family("mine") is family


def test_files_from_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [own_file(tmp_path, "first"), own_file(tmp_path, "second", twice=True)]
    monkeypatch.setenv("KINETOSCOPE_FAMILIES", " , ".join(map(str, paths)))
    load_files(Settings().families)
    assert {"first", "second", "second_2"} <= {family.name for family in list_families()}


def test_entry_points_register(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own_file(tmp_path, "kinetoscope_plugin")
    info = tmp_path / "plugin-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[kinetoscope.networks]\nbroken = kinetoscope_missing\ngood = kinetoscope_plugin\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    (failure,) = load_entry_points()
    assert find_family("kinetoscope_plugin").title == "Mine"
    assert "entry point broken = kinetoscope_missing cannot be loaded: ModuleNotFoundError" in failure


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must register one family"),
        (OWN.format(name="a") + OWN.format(name="b"), "registers a, b"),
        ("def (", "cannot be run: SyntaxError"),
        (OWN.format(name="c") + "\n1 / 0", "cannot be run: ZeroDivisionError"),
        (OWN.format(name="i3d"), "two families 'i3d'"),
    ],
)
def test_files_that_do_not_work(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text(text)
    with pytest.raises(InvalidRequest, match=words):
        find_family(str(path))
    if "cannot" in words:
        assert "c" not in {family.name for family in list_families()}


BROKEN = {
    "syntax.py": ("def (", "SyntaxError"),
    "import.py": ("import kinetoscope_missing", "No module named 'kinetoscope_missing'"),
    "raises.py": (OWN.format(name="half") + "\n1 / 0", "ZeroDivisionError"),
    "leaves.py": ("raise SystemExit('usage')", "SystemExit: usage"),
    "taken.py": (OWN.format(name="i3d"), "two families 'i3d'"),
}


def test_broken_files_of_the_settings_are_told_and_break_no_command(tmp_path: Path) -> None:
    """In a process of its own, as every command is."""
    for name, (text, _) in BROKEN.items():
        (tmp_path / name).write_text(text)
    paths = [*(tmp_path / name for name in BROKEN), tmp_path / "none.py", own_file(tmp_path, "good")]
    environment = os.environ | {
        "KINETOSCOPE_HOME": str(tmp_path),
        "KINETOSCOPE_FAMILIES": ",".join(map(str, paths)),
        "COLUMNS": "400",
    }
    command = [sys.executable, "-m", "worker.cli", "networks", "families"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "│ good" in done.stdout
    assert "│ i3d" in done.stdout
    assert "│ half" not in done.stdout, "what a file registers before it fails is not kept"
    for name, (_, words) in BROKEN.items():
        (line,) = (line for line in done.stdout.splitlines() if f"{name} cannot be run" in line)
        assert line.startswith("KINETOSCOPE_FAMILIES: ")
        assert words in line
    assert "There is no file" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_paths_with_commas_and_spaces(tmp_path: Path) -> None:
    paths = [own_file(tmp_path, name) for name in ("one, two", "three , four, five", "six")]
    assert split_paths(f" {paths[0]} ,{paths[1]},, {paths[2]},/no where/x.py ") == [*paths, Path("/no where/x.py")]


def test_two_files_of_one_name_with_dataclasses(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
        lines = "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        lines += "@dataclass\nclass Options:\n    width: int = 3\n"
        path = tmp_path / str(number) / "net.py"
        path.write_text(lines + OWN.format(name=f"net_{number}"))
        assert find_family(str(path)).name == f"net_{number}"


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="There is no file"):
        find_family(str(tmp_path / "none.py"))
    text = tmp_path / "family.txt"
    text.write_text("")
    with pytest.raises(InvalidRequest, match=r"ends in \.py"):
        load_file(text)


def test_a_name_is_taken_once() -> None:
    family = find_family("i3d")
    with pytest.raises(Conflict, match="another name"):
        register(name="i3d", title="x", streams=family.streams, stimulus=family.stimulus, classes=2)(family.build)
