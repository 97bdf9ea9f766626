"""A small server whose results go into bundles, and bundles that somebody has changed."""

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.contract.job import VisualizeJob
from app.contract.result import MediaRole, RenderedMedia
from app.contract.survey import MeasuredPart
from app.contract.survey_part import SurveyPart
from app.store.database.engine import Store
from app.store.jobs import leases
from tests.evidence_support import add_dataset, survey
from tests.support import add_card, claim, enqueue, measurements, two_stream_card
from tests.web.views.test_coding import measured, unit_coding

Files = dict[str, bytes]  # of a bundle, in their order


def result_media(job: VisualizeJob) -> list[RenderedMedia]:
    """Return media whose bytes are a result's own, but for the animation, which all results share."""
    mark = f"{job.network}/{job.layer}/{job.unit}/{job.recipe.key()}".encode()
    return [
        RenderedMedia(role=MediaRole.POSTER, type="image/webp", data=b"poster" + mark, width=32, height=32),
        RenderedMedia(role=MediaRole.LOOP, type="image/webp", data=b"the same loop", width=32, height=32, frames=3),
        RenderedMedia(role=MediaRole.RAW, type="application/zip", data=b"raw" + mark * 20),
    ]


def add_results(store: Store, *units: int, activation: float = 3.5, **options: Any) -> None:
    """Compute results of units; the options are those of `tests.support.request`."""
    enqueue(store, *units, **options)
    for job in claim(store, limit=100):
        with store.transaction() as session:
            leases.finish_visualization(
                session, worker="w1", job=job, measurements=measurements(activation), media=result_media(job)
            )


def fill(store: Store) -> None:
    """Register `tiny`, survey it, and compute results of some of its units."""
    add_card(store, two_stream_card())
    add_dataset(store)
    part = MeasuredPart(part=SurveyPart.CODING, seconds=3.0, passes=7)
    coding: dict[str, object] = {"coding": unit_coding(1)}
    survey(store, change=lambda layer, unit: coding if layer == "fc6" else {}, coding=measured(), parts=(part,))
    add_results(store, 0, 1, 2)
    add_results(store, 1, speed="fast")
    add_results(store, 4, layer="fusion.conv2", objective="center")


def read_files(bundle: Path) -> Files:
    with zipfile.ZipFile(bundle) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def write_files(bundle: Path, files: Files) -> Path:
    """Write a bundle of these files, whatever they are."""
    with zipfile.ZipFile(bundle, "w") as archive:
        for name, data in files.items():
            is_text = not name.startswith("media/")
            compression = zipfile.ZIP_DEFLATED if is_text else zipfile.ZIP_STORED
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=compression)
    return bundle


def change_manifest(bundle: Path, change: Callable[[dict[str, Any]], None]) -> None:
    files = read_files(bundle)
    manifest = json.loads(files["manifest.json"])
    change(manifest)
    write_files(bundle, files | {"manifest.json": json.dumps(manifest).encode()})


def change_text(bundle: Path, name: str, change: Callable[[list[Any]], None]) -> None:
    """Change the lines of a text, and the checksum that is promised of it."""
    files = read_files(bundle)
    lines = [json.loads(line) for line in files[name].splitlines()]
    change(lines)
    files[name] = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    manifest = json.loads(files["manifest.json"])
    for file in manifest["files"]:
        if file["name"] == name:
            file |= {"size": len(files[name]), "sha256": hashlib.sha256(files[name]).hexdigest()}
    write_files(bundle, files | {"manifest.json": json.dumps(manifest).encode()})


def copy_database(template: Path, path: Path) -> str:
    """Return the address of a migrated, empty database at a path."""
    shutil.copyfile(template, path)
    return f"sqlite:///{path}"


def replace_medium(bundle: Path, data: bytes, *, role: str) -> None:
    """Put other bytes in place of a medium of the first result, with the right checksums everywhere."""
    files = read_files(bundle)
    first = json.loads(files["tiny/results.jsonl"].splitlines()[0])
    [before] = [each["sha256"] for each in first["media"] if each["role"] == role]
    name = next(name for name in files if before in name)
    sha256 = hashlib.sha256(data).hexdigest()
    del files[name]
    write_files(bundle, files | {name.replace(before, sha256): data})

    def change(lines: list[Any]) -> None:
        for each in lines[0]["media"]:
            if each["role"] == role:
                each |= {"sha256": sha256, "size": len(data)}

    change_text(bundle, "tiny/results.jsonl", change)
