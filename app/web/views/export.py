"""The download of units as one ZIP: their media, a table, and JSON with recipes, measurements and provenance."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from app.contract.network import NetworkCard
from app.contract.recipe import ENGINE_VERSION
from app.contract.result import EXTENSIONS, Visualization
from app.contract.unit import UnitSummary
from app.contract.version import VERSION
from app.store import media
from app.store.catalog import networks
from app.store.database.engine import Store
from app.store.results import visualizations
from app.web import urls
from app.web.archive import ArchiveFile, stream_zip
from app.web.csv_table import csv_table
from app.web.deps import BaseAddress, SettingsDep, StoreDep
from app.web.views.parts.selected_units import SelectedUnits, select_units

router = APIRouter()

COLUMNS = (
    *("network", "layer", "unit", "label", "role", "detects", "precision", "effective_classes", "a_hat", "coding"),
    *("visualization", "speed", "seed", "sign", "recipe", "activation", "reach", "probability", "objective"),
    *("objective_without", "motion_energy", "seconds", "device", "created_at", "folder"),
)
UNITS_PER_BATCH = 100  # units whose visualizations are read at once

README = """This archive was written by Kinetoscope.

units.csv        one line for each visualization, and for each unit that has none
units.json       the same in full: recipes, measurements, names of the files
provenance.json  which network (by the sha256 of its weights), engine and software made them, and where from
media/           LAYER/UNIT/SPEED-SEED-RECIPE/ROLE.EXTENSION

raw              what was optimized, for numpy.load: (D, T, H, W) by stream; RGB from -1 to 1, flow in px / 20
appearance       the picture; sheet: every frame of a clip, sixteen a row
flow             every field of motion, sixteen a row: u is red, v is green, 8 bits over -20 to 20 px a frame
flow_direction   the motion in colours, and flow_xy in others; full colour at 6 px a frame
loop, poster     what pages show: moving, and still; of two streams appearance beside motion

`detects` in units.json is the number of a class; their names are in provenance.json.
"""


@router.get("/{network:slug}/-/export")
def export_units(
    request: Request, store: StoreDep, settings: SettingsDep, base: BaseAddress, network: str
) -> StreamingResponse:
    with store.session() as session:
        card = networks.get_card(session, slug=network)
        selected = select_units(session, card, request.query_params, settings.queue_limit)
    address = urls.absolute(base, request.url.path + (f"?{request.url.query}" if request.url.query else ""))
    return StreamingResponse(
        stream_zip(archive_files(store, card, selected, address), modified_at=datetime.now(UTC)),
        media_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="{network}-{len(selected.units)}-units.zip"',
            "Content-Encoding": "identity",  # a ZIP does not get smaller when it is compressed again
        },
    )


def archive_files(store: Store, card: NetworkCard, selected: SelectedUnits, address: str) -> Iterator[ArchiveFile]:
    """Yield the files of the archive: media first, result by result, then the table and the JSON about them.

    Each read has a session of its own, so that none is open while a client is slow to receive.
    """
    yield ArchiveFile("README.txt", README.encode())
    yield ArchiveFile("provenance.json", as_json(provenance(card, selected, address)))
    rows: list[dict[str, object]] = []
    units_json: list[dict[str, object]] = []
    for start in range(0, len(selected.units), UNITS_PER_BATCH):
        units = selected.units[start : start + UNITS_PER_BATCH]
        with store.session() as session:
            results_by_unit = visualizations.visualizations_of_units(session, card=card, units=units)
        for unit in units:
            results = results_by_unit.get((unit.layer, unit.index), [])
            units_json.append(
                {**unit.model_dump(mode="json"), "visualizations": [result_json(result) for result in results]}
            )
            rows += [table_row(card, unit, result) for result in results] or [table_row(card, unit, None)]
            for result in results:
                yield from media_files(store, result)
    yield ArchiveFile("units.csv", csv_table(COLUMNS, rows).encode())
    yield ArchiveFile("units.json", as_json(units_json))


def media_files(store: Store, result: Visualization) -> Iterator[ArchiveFile]:
    with store.session() as session:
        stored = media.get_media(session, sha256s={medium.sha256 for medium in result.media})
    for medium in result.media:
        yield ArchiveFile(f"{folder(result)}/{medium.role}.{EXTENSIONS[medium.type]}", stored[medium.sha256].data)


def folder(result: Visualization) -> str:
    """Return the folder of a result's media in the archive."""
    recipe = result.recipe
    layer = result.layer.replace("/", "_").replace("..", "_")
    return f"media/{layer}/{result.unit}/{recipe.speed}-{recipe.seed}-{result.recipe_key[:12]}"


def provenance(card: NetworkCard, selected: SelectedUnits, address: str) -> dict[str, object]:
    """Return the network, the versions and the address that an archive comes from."""
    return {
        "software": "Kinetoscope",
        "version": VERSION,
        "engine": ENGINE_VERSION,
        "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "address": address,
        "network": card.model_dump(mode="json", include={"slug", "title", "family", "checksum", "streams", "classes"}),
        "units": len(selected.units),
        "complete": not selected.is_capped,
    }


def result_json(result: Visualization) -> dict[str, object]:
    fields = result.model_dump(mode="json", exclude={"network", "layer", "unit"})
    return {**fields, "folder": folder(result)}


def table_row(card: NetworkCard, unit: UnitSummary, result: Visualization | None) -> dict[str, object]:
    """Return the row of a result, or that of a unit that has none."""
    unit_columns = {
        **unit.model_dump(
            mode="json",
            include={"network", "layer", "label", "role", "precision", "effective_classes", "a_hat", "coding"},
        ),
        "unit": unit.index,
        "detects": "" if unit.detects is None else card.classes[unit.detects],
    }
    if result is None:
        return unit_columns
    measurements = result.measurements
    return unit_columns | {
        "visualization": result.id,
        "speed": result.recipe.speed.value,
        "seed": result.recipe.seed,
        "sign": result.recipe.sign,
        "recipe": result.recipe_key,
        **measurements.model_dump(include={"activation", "reach", "probability", "objective", "seconds", "device"}),
        "objective_without": _by_stream(measurements.objective_without),
        "motion_energy": _by_stream(measurements.motion_energy),
        "created_at": result.created_at.isoformat(),
        "folder": folder(result),
    }


def _by_stream(values: Mapping[str, float]) -> str:
    return " ".join(f"{stream}={value:g}" for stream, value in values.items())


def as_json(value: object) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode()
