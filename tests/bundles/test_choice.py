"""What goes into a bundle, what is left out of it for which reason, and how large it may be."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.bundles.archive import BundleLimits
from app.bundles.choice import Choice, parse_recipe_values, parse_roles, parse_units
from app.bundles.export import export_bundle
from app.contract.errors import InvalidRecipe, InvalidRequest, KinetoscopeError, TooLarge, UnknownLayer
from app.contract.result import MediaRole
from app.store.database.engine import Store
from tests.bundle_support import add_results, read_files


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chosen.bundle"


def chosen(store: Store, path: Path, **choice: Any) -> list[str]:
    """Return layer, unit and speed of the results in a bundle of this choice."""
    export_bundle(store, path, Choice(**choice))
    results = map(json.loads, read_files(path)["tiny/results.jsonl"].splitlines())
    return [f"{each['layer']}/{each['unit']} {each['recipe']['speed']}" for each in results]


CLASSES = ["class/0 slow", "class/1 slow", "class/1 fast", "class/2 slow"]


@pytest.mark.parametrize(
    ("choice", "results"),
    [
        ({}, ["fusion.conv2/4 slow", *CLASSES]),
        ({"classes": True}, CLASSES),
        ({"layers": ("fusion.conv2",)}, ["fusion.conv2/4 slow"]),
        ({"classes": True, "layers": ("fusion.conv2",)}, ["fusion.conv2/4 slow", *CLASSES]),
        ({"units": parse_units("0,2-3")}, ["class/0 slow", "class/2 slow"]),
        ({"recipe": parse_recipe_values(["speed=fast"])}, ["class/1 fast"]),
        ({"recipe": parse_recipe_values(["speed=fast", "speed=slow", "objective=channel"])}, CLASSES),
    ],
)
def test_results_are_chosen(origin: Store, path: Path, choice: dict[str, Any], results: list[str]) -> None:
    assert chosen(origin, path, **choice) == results


def test_the_newest_is_taken_of_each_unit_at_each_speed(origin: Store, path: Path) -> None:
    add_results(origin, 1, seed=5)
    assert len(chosen(origin, path)) == 6
    report = export_bundle(origin, path, Choice(newest=True))
    assert report.left_out == {"results that are not the newest": 1}
    results = map(json.loads, read_files(path)["tiny/results.jsonl"].splitlines())
    assert [each["recipe"]["seed"] for each in results if each["unit"] == 1] == [0, 5]


def test_media_can_be_left_out(origin: Store, path: Path) -> None:
    report = export_bundle(origin, path, Choice(left_out_media=parse_roles(["raw"])))
    assert report.left_out == {"media `raw` of results": 5}
    assert "raw of results" not in report.sizes


def test_a_survey_comes_with_stills_alone_or_with_all_media_of_its_clips(origin: Store, path: Path) -> None:
    stills = export_bundle(origin, path, Choice(with_survey=True))
    assert {kind for kind in stills.sizes if "clips" in kind and kind.startswith(tuple(MediaRole))} == {
        "poster of clips"
    }
    videos = export_bundle(origin, path, Choice(with_survey=True, with_videos=True))
    assert {"poster of clips", "video of clips", "flow of clips"} <= videos.sizes.keys()


def test_results_of_an_earlier_engine_are_left_out(origin: Store, path: Path) -> None:
    with origin.transaction() as session:
        session.execute(
            text("INSERT INTO recipes SELECT 'engine-1', body FROM recipes WHERE body ->> 'speed' = 'fast'")
        )
        fast = "SELECT key FROM recipes WHERE body ->> 'speed' = 'fast'"
        session.execute(text(f"UPDATE visualizations SET recipe_key = 'engine-1' WHERE recipe_key IN ({fast})"))
    report = export_bundle(origin, path, Choice())
    assert (report.results["tiny"], report.left_out) == (4, {"results of an earlier engine": 1})


def test_sizes_by_kind_add_up_to_the_file(origin: Store, path: Path) -> None:
    report = export_bundle(origin, path, Choice(with_survey=True))
    end = 22  # of the archive's table of contents
    assert sum(report.sizes.values()) + end == report.bytes == path.stat().st_size


def test_a_bundle_that_would_be_too_large_is_not_written(origin: Store, path: Path) -> None:
    path.write_bytes(b"an earlier one")
    with pytest.raises(TooLarge, match=r"may have 2,000. Most of them are [\d,]+ of raw of results, "):
        export_bundle(origin, path, Choice(), max_bytes=2000)
    assert path.read_bytes() == b"an earlier one"
    assert [each.name for each in path.parent.iterdir() if each.suffix == ".part"] == []


@pytest.mark.parametrize(
    ("choice", "error", "sentence"),
    [
        ({"layers": ("fc9",)}, UnknownLayer, "There is no layer 'fc9'. Near: fc6."),
        ({"units": frozenset({3})}, InvalidRequest, "There is nothing of that to export."),
        ({"networks": ("nothing",)}, KinetoscopeError, "There is no network 'nothing'."),
    ],
)
def test_what_cannot_be_exported_is_a_sentence(
    origin: Store, path: Path, choice: dict[str, Any], error: type[KinetoscopeError], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        export_bundle(origin, path, Choice(**choice))
    assert not path.exists()


def test_more_files_than_a_bundle_holds_are_a_sentence(origin: Store, path: Path) -> None:
    with pytest.raises(InvalidRequest, match="more to export than the 3 files"):
        export_bundle(origin, path, Choice(), limits=BundleLimits(files=3))
    assert not path.exists()


def test_a_folder_that_is_not_there_is_a_sentence(origin: Store, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="cannot be written: No such file or directory"):
        export_bundle(origin, tmp_path / "none" / "results.bundle", Choice())


def test_choices_that_mean_nothing_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="no list of units"):
        parse_units("3-")
    with pytest.raises(InvalidRecipe, match="Fields: speed"):
        parse_recipe_values(["sped=slow"])
    with pytest.raises(InvalidRecipe, match="speed=often"):
        parse_recipe_values(["speed=often"])
    with pytest.raises(InvalidRequest, match="cannot be without 'poster'"):
        parse_roles(["poster"])
