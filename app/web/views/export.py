"""Units to take away: their pictures, a table, and everything with its provenance, in one ZIP."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from app.contract.network import NetworkCard
from app.contract.recipe import ENGINE_VERSION
from app.contract.result import EXTENSIONS, Visualization
from app.contract.unit import UnitSummary
from app.store import media
from app.store.catalog import networks
from app.store.database.engine import Store
from app.store.results import visualizations
from app.web import urls
from app.web.api.health import VERSION
from app.web.archive import File, zipped
from app.web.deps import Base, SettingsDep, StoreDep
from app.web.views.selection import Selection, select

router = APIRouter()

COLUMNS = (
    *("network", "layer", "unit", "label", "role", "detects", "precision", "effective_classes", "a_hat"),
    *("visualization", "speed", "seed", "recipe", "activation", "reach", "probability", "objective"),
    *("motion_energy", "seconds", "device", "created_at", "folder"),
)
AT_ONCE = 100  # units looked up together

README = """This archive was written by Kinetoscope.

units.csv        one line for each visualization, and for each unit that has none
units.json       the same in full: recipes, measurements, names of the files
provenance.json  which network (by the sha256 of its weights), engine and software made them, and where from
media/           LAYER/UNIT/SPEED-SEED-RECIPE/ROLE.EXTENSION

raw              what was optimized, for numpy.load: (D, T, H, W) by stream; RGB from -1 to 1, flow in px / 20
appearance       the picture; sheet: every frame of a clip, sixteen a row
flow             every field of motion, sixteen a row: u is red, v is green, 8 bits over -20 to 20 px a frame
flow_direction   the motion in colours, and flow_xy in others; full colour at 6 px a frame
loop, poster     what pages show: moving, and still

`detects` in units.json is the number of a class; their names are in provenance.json.
"""


@router.get("/{network:slug}/-/export")
def export(request: Request, store: StoreDep, settings: SettingsDep, base: Base, network: str) -> StreamingResponse:
    with store.session() as session:
        card = networks.get_card(session, slug=network)
        chosen = select(session, network, request.query_params, settings.queue_limit)
    address = urls.absolute(base, str(request.url.path) + (f"?{request.url.query}" if request.url.query else ""))
    return StreamingResponse(
        zipped(files(store, card, chosen, address), datetime.now(UTC)),
        media_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="{network}-{len(chosen.units)}-units.zip"',
            "Content-Encoding": "identity",  # nothing gets smaller by packing it twice
        },
    )


def files(store: Store, card: NetworkCard, chosen: Selection, address: str) -> Iterator[File]:
    """Pictures first, result by result, each from a session of its own; then what is said of them."""
    yield File("README.txt", README.encode())
    yield File("provenance.json", as_json(provenance(card, chosen, address)))
    rows: list[dict[str, object]] = []
    told: list[dict[str, object]] = []
    for start in range(0, len(chosen.units), AT_ONCE):
        some = chosen.units[start : start + AT_ONCE]
        with store.session() as session:
            found = visualizations.for_units(session, slug=card.slug, units=some)
        for unit in some:
            results = found.get((unit.layer, unit.index), [])
            told.append({**unit.model_dump(mode="json"), "visualizations": [in_full(each) for each in results]})
            rows += [row(card, unit, each) for each in results] or [row(card, unit, None)]
            for each in results:
                yield from pictures(store, each)
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    yield File("units.csv", table.getvalue().encode())
    yield File("units.json", as_json(told))


def pictures(store: Store, result: Visualization) -> Iterator[File]:
    with store.session() as session:
        found = media.get_media(session, sha256s={medium.sha256 for medium in result.media})
    for medium in result.media:
        yield File(f"{folder(result)}/{medium.role}.{EXTENSIONS[medium.type]}", found[medium.sha256].data)


def folder(result: Visualization) -> str:
    recipe = result.recipe
    layer = result.layer.replace("/", "_").replace("..", "_")
    return f"media/{layer}/{result.unit}/{recipe.speed}-{recipe.seed}-{result.recipe_key[:12]}"


def provenance(card: NetworkCard, chosen: Selection, address: str) -> dict[str, object]:
    return {
        "software": "Kinetoscope",
        "version": VERSION,
        "engine": ENGINE_VERSION,
        "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "address": address,
        "network": card.model_dump(mode="json", include={"slug", "title", "family", "checksum", "streams", "classes"}),
        "units": len(chosen.units),
        "complete": not chosen.capped,
    }


def in_full(result: Visualization) -> dict[str, object]:
    told = result.model_dump(mode="json", exclude={"network", "layer", "unit"})
    return {**told, "folder": folder(result)}


def row(card: NetworkCard, unit: UnitSummary, result: Visualization | None) -> dict[str, object]:
    of_unit = {
        **unit.model_dump(
            mode="json", include={"network", "layer", "label", "role", "precision", "effective_classes", "a_hat"}
        ),
        "unit": unit.index,
        "detects": "" if unit.detects is None else card.classes[unit.detects],
    }
    if result is None:
        return of_unit
    measured = result.measurements
    return of_unit | {
        "visualization": result.id,
        "speed": result.recipe.speed.value,
        "seed": result.recipe.seed,
        "recipe": result.recipe_key,
        **measured.model_dump(include={"activation", "reach", "probability", "objective", "seconds", "device"}),
        "motion_energy": " ".join(f"{stream}={energy:g}" for stream, energy in measured.motion_energy.items()),
        "created_at": result.created_at.isoformat(),
        "folder": folder(result),
    }


def as_json(value: object) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode()
