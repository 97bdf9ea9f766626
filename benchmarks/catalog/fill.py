"""Fill a migrated database with the networks of networks.py and everything that pages show of them.

All results share a few pictures, so that the size of the database is that of its rows.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import count
from typing import Any

import numpy as np
from PIL import Image

from app.contract.job import JobKind, JobState, Priority
from app.contract.network import NetworkCard, normalize_name
from app.contract.result import Measurements, MediaRole
from app.store.database.survey_tables import ClipMediaRow, ClipRow, DatasetRow
from app.store.database.tables import (
    JobRow,
    LinkRow,
    MediaRow,
    NetworkRow,
    RecipeRow,
    ResultCountRow,
    UnitRow,
    VisualizationMediaRow,
    VisualizationRow,
    WeightsRow,
    WorkerRow,
)
from benchmarks.catalog.networks import KINETICS, ROLES, UCF, recipes
from benchmarks.catalog.sink import Row, Sink

FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
MEDIA_PER_ROLE = 24
DISTINCT_TRACES = 500
MEDIA_TYPES = {MediaRole.RAW: "application/zip", MediaRole.VIDEO: "video/mp4"}
CLIP_ROLES = (MediaRole.VIDEO, MediaRole.POSTER, MediaRole.FLOW, MediaRole.FLOW_DIRECTION, MediaRole.FLOW_XY)
MEDIA_COLUMNS = ("role", "sha256", "type", "size", "width", "height", "frames")
FEW_UNITS = 5  # without a result in nearly finished networks; with one in hardly begun networks
CLASS_UNIT_FACTOR = 6  # a unit of a class has so many times the results of another unit

MediaRows = dict[MediaRole, list[Row]]  # by role: the columns after the owner in a table of media references


class CatalogueFiller:
    """Adds rows. Ids are counted here, so that rows can point at each other before they are inserted."""

    def __init__(self, sink: Sink, cards: list[NetworkCard], seed: int) -> None:
        self.sink = sink
        self.cards = cards
        self.rng = np.random.default_rng(seed)
        self.media = self._add_media()
        self.unit_ids = count(1)
        self.result_ids = count(1)
        self.first_unit: dict[str, int] = {}
        self.clips: dict[str, list[tuple[int, str]]] = {}  # of each data set: id and label

    def add_datasets(self, kinetics: int, ucf: int) -> None:
        """Add two data sets with these numbers of clips."""
        ids = count(1)
        for number, (slug, classes, clips) in enumerate((("kinetics", KINETICS, kinetics), ("ucf", UCF, ucf)), 1):
            row = (number, slug, slug.title(), "Made up.", json.dumps(classes), clips, self.sink.format_time(FIRST_DAY))
            self.sink.put(DatasetRow, ("id", "slug", "title", "summary", "classes", "clips", "added_at"), [row])
            names = [(next(ids), position, classes[position % len(classes)]) for position in range(clips)]
            self.sink.put(
                ClipRow,
                ("id", "dataset_id", "name", "label", "folded"),
                (
                    (id, number, f"{normalize_name(label)}_{position:06}", label, normalize_name(label))
                    for id, position, label in names
                ),
            )
            self.sink.put(
                ClipMediaRow,
                ("clip_id", *MEDIA_COLUMNS),
                ((id, *self.media[role][id % MEDIA_PER_ROLE]) for id, _, _ in names for role in CLIP_ROLES),
            )
            self.clips[slug] = [(id, label) for id, _, label in names]

    def add_networks(self, visualizations: int) -> None:
        """Add all networks; `visualizations` is the number of their visualizations together."""
        units = sum(card.units for card in self.cards)
        for number, card in enumerate(self.cards, 1):
            moment = self.sink.format_time(FIRST_DAY + timedelta(hours=number))
            body = json.dumps(card.model_dump(mode="json"))
            row = (number, card.slug, card.checksum, body, moment)
            self.sink.put(NetworkRow, ("id", "slug", "checksum", "card", "registered_at"), [row])
            self.sink.put(WeightsRow, ("network_id", "piece", "data"), [(number, 0, b"none")])
            known = [(recipe.key(), json.dumps(recipe.to_storage())) for recipe in recipes(card)]
            if not any(card.stimulus == other.stimulus for other in self.cards[: number - 1]):
                self.sink.put(RecipeRow, ("key", "body"), known)
            made = round(visualizations * card.units / units)
            if number % 5 == 4:
                shares = np.zeros(card.units, dtype=int)
                shares[self.rng.choice(card.units, FEW_UNITS, replace=False)] = 1
            else:
                shares = self._results_per_unit(card, made, len(known), number)
            made = int(shares.sum())
            units, visualizations = units - card.units, visualizations - made
            self._add_network(number, card, shares, [key for key, _ in known])
            print(f"{card.slug}: {card.units:,} units, {made:,} visualizations", flush=True)

    def _results_per_unit(self, card: NetworkCard, made: int, most: int, number: int) -> np.ndarray:
        """Return the number of results of each unit, `made` in all, at most `most` of one.

        Units of classes have many and three in ten have none, but in every fifth network only a few have none.
        """
        left = self.rng.random(card.units) > 0.3
        if number % 5 == 0:
            left = self.rng.permutation(card.units) >= FEW_UNITS
        weights = self.rng.gamma(2.0, size=card.units) * left
        weights[-len(card.classes) :] = CLASS_UNIT_FACTOR * weights.mean()
        shares = np.minimum(self.rng.multinomial(made, weights / weights.sum()), most)
        if number % 5 == 0:
            shares = np.maximum(shares, left)
        while (missing := made - int(shares.sum())) > 0:
            room = np.flatnonzero((shares > 0) & (shares < most))
            shares[self.rng.choice(room, min(missing, len(room)), replace=False)] += 1
        return shares

    def _add_network(self, number: int, card: NetworkCard, shares: np.ndarray, keys: list[str]) -> None:
        """Add the units of a network and their results."""
        units = [(layer, index) for layer in card.layers for index in range(layer.units)]
        ids = [next(self.unit_ids) for _ in units]
        self.first_unit[card.slug] = ids[0]
        strengths = self.rng.gamma(3.0, size=len(units))
        moments = [
            self.sink.format_time(FIRST_DAY + timedelta(days=number, seconds=float(second)))
            for second in self.rng.random(len(units)) * 86_000
        ]
        results = [[next(self.result_ids) for _ in range(share)] for share in shares.tolist()]

        def unit_row(row: int) -> Row:
            layer, index = units[row]
            made = len(results[row])
            seen = (moments[row], strengths[row]) if made else (None, None)
            pictures = [
                self.media[role][ids[row] % MEDIA_PER_ROLE][1] if made else None
                for role in (MediaRole.POSTER, MediaRole.LOOP)
            ]
            label = card.classes[index] if layer.is_class else ""
            return (ids[row], number, layer.index, layer.name, layer.stream, index, label, made, *seen, *pictures)

        columns = (
            "id",
            "network_id",
            "layer_index",
            "layer",
            "stream",
            "index",
            "label",
            "visualizations",
            "visualized_at",
            "activation",
            "poster",
            "loop",
        )
        self.sink.put(UnitRow, columns, map(unit_row, range(len(units))))
        traces = self._measurements(card)
        self.sink.put(
            VisualizationRow,
            ("id", "unit_id", "recipe_key", "measurements", "created_at"),
            (
                (id, ids[row], keys[nth], traces(strengths[row] / (1 + nth / 10), id), moments[row])
                for row, ids_of_unit in enumerate(results)
                for nth, id in enumerate(ids_of_unit)
            ),
        )
        roles = ROLES[card.family]
        made = Counter(
            (layer.index, keys[nth]) for (layer, _), share in zip(units, shares, strict=True) for nth in range(share)
        )
        self.sink.put(
            ResultCountRow,
            ("network_id", "layer_index", "recipe_key", "results"),
            ((number, *which, results) for which, results in made.items()),
        )
        self.sink.put(
            VisualizationMediaRow,
            ("visualization_id", *MEDIA_COLUMNS),
            (
                (id, *self.media[role][ids[row] % MEDIA_PER_ROLE])
                for row, ids_of_unit in enumerate(results)
                for id in ids_of_unit
                for role in roles
            ),
        )

    def _measurements(self, card: NetworkCard) -> Any:
        """Return a function that returns the measurements of a result as JSON, by its activation and id."""
        streams = [stream.name.value for stream in card.streams]
        curves = np.sort(self.rng.normal(size=(DISTINCT_TRACES, 72)).cumsum(1), axis=1).tolist()
        bodies = []
        for trace in curves:
            measured = Measurements(
                activation=-1.0,
                objective=trace[-1],
                probability=None,
                motion_energy={name: abs(trace[3]) for name in streams[-1:]},
                noise={name: abs(trace[5]) / 100 for name in streams},
                trace=tuple(trace),
                seconds=3.0,
                device="cpu",
            )
            bodies.append(json.dumps(measured.model_dump(mode="json")))
        return lambda activation, id: bodies[id % DISTINCT_TRACES].replace("-1.0", repr(float(activation)), 1)

    def _add_media(self) -> MediaRows:
        """Add small real pictures, and random bytes for media of other types."""
        shown: MediaRows = {}
        for role in MediaRole:
            type = MEDIA_TYPES.get(role, "image/webp")
            data = [self._picture() if type == "image/webp" else self.rng.bytes(4000) for _ in range(MEDIA_PER_ROLE)]
            rows = [(hashlib.sha256(each).hexdigest(), type, len(each), each) for each in data]
            self.sink.put(MediaRow, ("sha256", "type", "size", "data"), rows)
            shown[role] = [(role.value, sha256, type, size, 64, 64, 10) for sha256, type, size, _ in rows]
        return shown

    def _picture(self) -> bytes:
        small = Image.fromarray(self.rng.integers(0, 255, (6, 6, 3), dtype=np.uint8))
        target = BytesIO()
        small.resize((64, 64)).save(target, "WEBP")
        return target.getvalue()

    def add_jobs(self, jobs: int) -> None:
        """Add jobs: nearly all are done, some are queued, failed or cancelled, two are running."""
        states = (
            [JobState.DONE] * jobs
            + [JobState.FAILED] * max(3, jobs // 200)
            + [JobState.CANCELLED] * max(3, jobs // 500)
        )
        states += [JobState.QUEUED] * max(3, jobs // 300) + [JobState.RUNNING] * 2
        error = json.dumps({"kind": "out_of_memory", "detail": "The device's memory is full. Try a smaller size."})
        progress = json.dumps({"step": 30, "steps": 72, "seconds_left": 2.0, "trace": [0.1, 0.2, 0.4]})

        def rows() -> Iterator[Row]:
            for id, state in enumerate(states, 1):
                number = int(self.rng.integers(len(self.cards)))
                card = self.cards[number]
                unit = self.first_unit[card.slug] + int(self.rng.integers(card.units))
                recipe = recipes_of[card.slug][id % 4]
                ended = None if state.is_live else self.sink.format_time(FIRST_DAY + timedelta(days=70, seconds=id))
                moment = self.sink.format_time(FIRST_DAY + timedelta(days=70, seconds=id - 30))
                outcome = (error if state is JobState.FAILED else None, progress if state is JobState.RUNNING else None)
                key = f"visualize:{unit}:{recipe}:{id}"
                owner = f"{id % 1000:032x}" if id % 3 else None
                request = (number + 1, unit, recipe, f"{number}:{id % 20}", key, Priority.SWEEP, owner)
                yield (id, JobKind.VISUALIZE, state, *request, *outcome, moment, moment, ended, ended or moment)

        recipes_of = {card.slug: [recipe.key() for recipe in recipes(card)[:4]] for card in self.cards}
        columns = (
            "id",
            "kind",
            "state",
            "network_id",
            "unit_id",
            "recipe_key",
            "batch_key",
            "key",
            "priority",
            "owner",
            "error",
            "progress",
            "created_at",
            "started_at",
            "finished_at",
            "updated_at",
        )
        self.sink.put(JobRow, columns, rows())
        now = self.sink.format_time(datetime.now(UTC) + timedelta(days=1))
        self.sink.put(
            WorkerRow, ("id", "host", "pid", "device", "started_at", "seen_at"), [("w", "h", 1, "cpu", now, now)]
        )

    def add_links(self, count: int) -> None:
        """Add links, one in ten of them saved."""

        def row(number: int) -> Row:
            card = self.cards[number % len(self.cards)]
            layer = card.layers[number % len(card.layers)]
            address = f"/{card.slug}/{layer.name}/{number % layer.units}"
            saved = self.sink.format_time(FIRST_DAY + timedelta(seconds=number)) if number % 10 == 0 else None
            fingerprint = hashlib.sha256(str(number).encode()).hexdigest()
            texts = (address, f"View {number}", "A unit.", "worth a look" if saved else "")
            return (f"s{number:07}", fingerprint, *texts, saved, self.sink.format_time(FIRST_DAY))

        columns = ("slug", "fingerprint", "url", "title", "description", "note", "saved_at", "created_at")
        self.sink.put(LinkRow, columns, map(row, range(count)))
