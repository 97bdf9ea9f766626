"""A bundle that is damaged, forged, or of another engine is refused in a sentence, and nothing of it is written."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.bundles.archive import BundleLimits
from app.bundles.bring_in import import_bundle
from app.contract.errors import BundleMismatch, InvalidBundle, KinetoscopeError
from app.store import datasets
from app.store.catalog import networks
from app.store.database.engine import Store
from app.store.results import imports
from tests.bundle_support import change_manifest, change_text, read_files, replace_medium, write_files
from tests.support import CLASSES, add_card, two_stream_card

Change = Callable[[Path], Any]
RESULTS, UNITS = "tiny/results.jsonl", "tiny/survey/units.jsonl"


def refusal(store: Store, bundle: Path, **options: Any) -> KinetoscopeError:
    """Return why a bundle is refused. Nothing may have been written."""
    with pytest.raises(KinetoscopeError) as raised:
        import_bundle(store, bundle, **options)
    with store.session() as session:
        assert networks.get_network(session, slug="tiny").visualizations == 0
        assert not datasets.list_datasets(session)
        assert not imports.list_imports(session)
    return raised.value


def set_manifest(**fields: object) -> Change:
    return lambda bundle: change_manifest(bundle, lambda manifest: manifest.update(fields))


def set_result(**fields: object) -> Change:
    return lambda bundle: change_text(bundle, RESULTS, lambda lines: lines[0].update(fields))


def set_recipe(**fields: object) -> Change:
    return lambda bundle: change_text(bundle, RESULTS, lambda lines: lines[0]["recipe"].update(fields))


def set_unit(**fields: object) -> Change:
    return lambda bundle: change_text(bundle, UNITS, lambda lines: lines[0]["evidence"].update(fields))


def set_facts(**fields: object) -> Change:
    def change(manifest: dict[str, Any]) -> None:
        manifest["networks"][0]["survey"]["facts"].update(fields)

    return lambda bundle: change_manifest(bundle, change)


def add_file(name: str, data: bytes = b"more") -> Change:
    return lambda bundle: write_files(bundle, read_files(bundle) | {name: data})


def change_file(prefix: str, change: Callable[[bytes], bytes]) -> Change:
    def changed(bundle: Path) -> None:
        files = read_files(bundle)
        name = next(name for name in files if name.startswith(prefix))
        write_files(bundle, files | {name: change(files[name])})

    return changed


def drop_file(prefix: str) -> Change:
    def changed(bundle: Path) -> None:
        files = read_files(bundle)
        del files[next(name for name in files if name.startswith(prefix))]
        write_files(bundle, files)

    return changed


def duplicate(bundle: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(bundle, "a") as archive:
        archive.writestr(RESULTS, b"{}")


def truncate(bundle: Path) -> None:
    bundle.write_bytes(bundle.read_bytes()[:-1000])


def damage(bundle: Path) -> None:
    """Change a byte of a medium, and leave its size and the archive's table as they are."""
    data = bundle.read_bytes()
    bundle.write_bytes(data.replace(b"postertiny/class/0", b"posterTiny/class/0"))


def repeat_line(name: str) -> Change:
    return lambda bundle: change_text(bundle, name, lambda lines: lines.append(lines[0]))


def lie_about_size(bundle: Path) -> None:
    """Promise a small file in the table of contents, which unpacks to a large one."""
    files = read_files(bundle)
    write_files(bundle, files | {RESULTS: b"{}" + b" " * 10_000_000})
    data = bytearray(bundle.read_bytes())
    for position in range(len(data) - 4):
        if data[position : position + 4] == (10_000_002).to_bytes(4, "little"):
            data[position : position + 4] = len(files[RESULTS]).to_bytes(4, "little")
    bundle.write_bytes(data)


def lie_about_number(bundle: Path) -> None:
    """Promise one file in the table of contents, which has many with long names."""
    write_files(bundle, read_files(bundle) | {f"media/{number}{'x' * 20_000}": b"" for number in range(40)})
    data = bytearray(bundle.read_bytes())
    data[-14:-10] = (1).to_bytes(2, "little") * 2
    bundle.write_bytes(data)


def shift_media(bundle: Path) -> None:
    change_text(bundle, RESULTS, lambda lines: lines[0]["media"][1].update(size=3))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (truncate, "its end is missing"),
        (damage, "is damaged, or not all of it is there"),
        (lambda bundle: bundle.write_bytes(b"no archive at all, but long enough for one"), "is no bundle"),
        (duplicate, f"two files of the name '{RESULTS}'"),
        (add_file("/etc/passwd"), "a file '/etc/passwd': no bundle that was made here has such names"),
        (add_file("media/../../x"), "has such names"),
        (add_file("media/extra.webp"), "a file 'media/extra.webp', of which its contents do not tell"),
        (drop_file("media/"), "of which its contents tell"),
        (change_file("media/", lambda data: data[:-1] + b"!"), "has another checksum than is promised"),
        (change_file(RESULTS, lambda data: data.replace(b"cpu", b"gpu")), "has another checksum than is promised"),
        (change_file(RESULTS, lambda data: data + b"\n"), "bytes, and"),
        (lie_about_size, "is damaged, or not all of it is there"),
        (change_file("manifest.json", lambda data: b"[" * 100_000), "does not tell a format"),
        (set_manifest(format=2), "format 2, and this version of Kinetoscope reads format 1"),
        (set_manifest(engine=1), "Engine 1 made the results"),
        (set_manifest(center_engine=1), "the objective `center`"),
        (set_manifest(more=1), "more is not what this version stores"),
        (set_manifest(files=[]), "do not fit its networks"),
        (set_result(recipe_key="0" * 64), "has the key 000000000000, and its recipe gives"),
        (set_recipe(seed=7), "and its recipe gives"),
        (set_recipe(steps=0), "unit 4 of fusion.conv2 of tiny cannot be one of the network here: steps"),
        (set_recipe(frames=7), "takes no clips"),
        (set_result(unit=99), "has no unit 99"),
        (set_result(layer="fc8"), "There is no layer 'fc8'"),
        (set_result(media=[]), "has not the pictures that pages show"),
        (set_result(layer="a\0b"), "a character that no text here may have"),
        (shift_media, "bytes, and 3 are promised"),
        (repeat_line(RESULTS), "has 6 results of tiny, not 5"),
        (repeat_line(UNITS), "it has evidence of 35 of the 35 units, in 36 lines"),
        (set_unit(a_hat=float("nan")), f"What stands in line 1 of {UNITS} of the bundle is no JSON"),
        (set_unit(responses=[1e300] * len(CLASSES)), "numbers that are too large"),
        (set_unit(precision=[0.5]), "are not of 5 classes"),
        (set_unit(alike=[[99, 0.5]]), "has no unit 99"),
        (set_unit(feeds=[{"class_index": 9, "weight": None, "share": 1, "effect": 1}]), "it names class 9"),
        (set_facts(recall=[0.5]), "its lists by class are not of 5 classes"),
        (set_facts(clips=8), "it has 9 predictions, not 8"),
    ],
)
def test_it_is_refused_and_nothing_is_written(small: Store, bundle: Path, change: Change, sentence: str) -> None:
    change(bundle)
    assert sentence in refusal(small, bundle).detail


def test_an_evidence_of_a_clip_that_is_not_there_is_refused(small: Store, bundle: Path) -> None:
    change_text(bundle, UNITS, lambda lines: lines[3]["evidence"]["top_clips"][0].update(clip="unheard-of"))
    assert "names a clip 'unheard-of'" in refusal(small, bundle).detail


def test_other_weights_are_refused_with_what_to_do(bundle: Path, store: Store) -> None:
    add_card(store, two_stream_card().model_copy(update={"checksum": "f" * 64}))
    error = refusal(store, bundle)
    assert isinstance(error, BundleMismatch)
    assert "it has other weights" in error.detail


def test_other_labels_are_refused(bundle: Path, store: Store) -> None:
    add_card(store, two_stream_card(classes=(*CLASSES[:-1], "somersault")))
    assert "it has other labels or of another family" in refusal(store, bundle).detail


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        (BundleLimits(files=10), "they hold 10 files at most"),
        (BundleLimits(bytes=1000), "bundles have 1,000 at most"),
        (BundleLimits(text_bytes=1000), "which is too much"),
        (BundleLimits(manifest_bytes=100), "manifest.json would take"),
        (BundleLimits(medium_bytes=20), "which is too much"),
        (BundleLimits(line_bytes=100), "is no JSON that bundles have"),
    ],
)
def test_a_bundle_beyond_the_limits_is_refused(small: Store, bundle: Path, limits: BundleLimits, sentence: str) -> None:
    assert sentence in refusal(small, bundle, limits=limits).detail


def test_a_long_table_of_contents_is_not_read(small: Store, bundle: Path) -> None:
    lie_about_number(bundle)
    assert "they hold 1,000 files at most" in refusal(small, bundle, limits=BundleLimits(files=1000)).detail


def test_arrays_that_would_fill_the_memory_are_refused(small: Store, bundle: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap.npz"
    with zipfile.ZipFile(trap, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("clip.npy", b"0" * 1_000_000)
    replace_medium(bundle, trap.read_bytes(), role="raw")
    assert "would take 1,000,000 bytes" in refusal(small, bundle, limits=BundleLimits(array_bytes=10_000)).detail


def test_a_file_that_is_not_there_is_a_sentence(small: Store, tmp_path: Path) -> None:
    error = refusal(small, tmp_path / "none.bundle")
    assert isinstance(error, InvalidBundle)
    assert "cannot be read: No such file or directory" in error.detail


def test_a_network_that_is_not_here_is_left_out_with_the_command_that_adds_it(bundle: Path, store: Store) -> None:
    with pytest.raises(BundleMismatch, match="kinetoscope-worker networks add tiny_two_stream --weights FILE"):
        import_bundle(store, bundle)


def test_networks_of_a_bundle_are_taken_alone(small: Store, bundle: Path) -> None:
    def add_other(manifest: dict[str, Any]) -> None:
        other = json.loads(json.dumps(manifest["networks"][0])) | {"slug": "other", "checksum": "e" * 64}
        manifest["networks"].append(other | {"results": 0, "survey": None})

    change_manifest(bundle, add_other)
    assert "nothing of nothing" in refusal(small, bundle, only=["nothing"]).detail
    report = import_bundle(small, bundle, only=["tiny"])
    assert (report.results["tiny"], report.sentences) == (5, [])
