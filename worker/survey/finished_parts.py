"""Results of finished parts, beside the recording: a survey that is killed does not measure them again.

A file has a line of JSON for the part, one for each of its units, and last the sha256 of these lines. It is ignored
where that differs, and where anything differs that the result depends on. It goes when the survey is published.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter

from app.contract.evidence import UnitEvidence
from app.contract.survey import MeasuredPart, SurveyFacts
from app.contract.survey_part import SurveyPart
from app.contract.version import VERSION
from worker.survey.context import SurveyContext
from worker.survey.parts.part import Part, PartResult

FORMAT = 1  # of the files: raise it when their meaning changes, and old files are ignored
FOLDER = "parts"  # in the checkpoint's
MAX_BYTES = 64_000_000  # of a file: a part with a larger result is measured again

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FinishedPart:
    """What a part measured, and what that took."""

    result: PartResult
    measured: MeasuredPart


def part_key(part: Part, context: SurveyContext) -> str:
    """Return a hash of what a part's result depends on, beside what the name of the checkpoint's folder tells."""
    clips = (context.recorded.tolist(), context.clips.groups.tolist())
    layers = (list(context.probed_layers), list(context.attributed_layers))
    content = json.dumps([FORMAT, VERSION, part.name, part.constants, context.seed, clips, layers])
    return hashlib.sha256(content.encode()).hexdigest()


def save_finished(folder: Path, key: str, finished: FinishedPart, *, max_bytes: int = MAX_BYTES) -> None:
    """Write a finished part into a checkpoint's folder, atomically; one that is too large, or does not fit, is not."""
    path = _path(folder, finished.measured.part)
    partial = path.with_suffix(".partial")
    digest, size = hashlib.sha256(), 0
    try:
        path.parent.mkdir(exist_ok=True)
        with partial.open("wb") as file:
            for line in _lines(key, finished):
                digest.update(line)
                size += len(line)
                if size > max_bytes:
                    break
                file.write(line)
            file.write(digest.hexdigest().encode())
        if size <= max_bytes:
            partial.replace(path)
    except OSError:
        log.exception("The result of the part %s cannot be kept: a survey that stops measures it again.", path.stem)
    partial.unlink(missing_ok=True)


def load_finished(folder: Path, key: str, part: SurveyPart) -> FinishedPart | None:
    """Return a finished part from a checkpoint's folder; None where there is none, or none that can be used."""
    try:
        content, _, digest = _path(folder, part).read_bytes().rpartition(b"\n")
        if hashlib.sha256(content + b"\n").hexdigest().encode() != digest:
            return None
        first, *units = map(json.loads, content.splitlines())
        if first["key"] != key:
            return None
        facts = None if first["facts"] is None else _facts_adapter(part).validate_python(first["facts"])
        result = PartResult(facts, {(layer, unit): _read_fields(fields) for layer, unit, fields in units})
        return FinishedPart(result, MeasuredPart.model_validate(first["measured"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        log.exception("The kept result of the part %s cannot be read: it is measured again.", part)
        return None


def discard_finished(folder: Path) -> None:
    """Remove the finished parts from a checkpoint's folder, once their survey is published."""
    shutil.rmtree(folder / FOLDER, ignore_errors=True)


def _path(folder: Path, part: SurveyPart) -> Path:
    return folder / FOLDER / f"{part}.jsonl"


def _lines(key: str, finished: FinishedPart) -> Iterator[bytes]:
    part, result = finished.measured.part, finished.result
    facts = None if result.facts is None else _facts_adapter(part).dump_python(result.facts, mode="json")
    yield _line({"key": key, "measured": finished.measured.model_dump(mode="json"), "facts": facts})
    for (layer, unit), fields in result.units.items():
        dumped = {name: _unit_adapter(name).dump_python(value, mode="json") for name, value in fields.items()}
        yield _line([layer, unit, dumped])


def _line(content: Any) -> bytes:
    return json.dumps(content).encode() + b"\n"


def _read_fields(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: _unit_adapter(name).validate_python(value) for name, value in fields.items()}


def _facts_adapter(part: SurveyPart) -> TypeAdapter[Any]:
    return _adapter(SurveyFacts, part.field)


def _unit_adapter(name: str) -> TypeAdapter[Any]:
    return _adapter(UnitEvidence, name)


@cache
def _adapter(model: type[BaseModel], field: str) -> TypeAdapter[Any]:
    return TypeAdapter(model.model_fields[field].annotation or Any)
