"""Writes the protocol of findings as TOML, and reads it."""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from app.analysis.findings.data import SurveyData
from app.analysis.thresholds import Thresholds
from app.contract.errors import InvalidRequest, closest_names
from app.contract.protocol import SURVEY_SEED, Protocol
from app.contract.survey_part import PartConstants, SurveyPart
from app.contract.version import VERSION

HEAD = """# The protocol of the findings of {network}: data, parts of the survey, seed and thresholds.
# Run it on another network: kinetoscope-worker findings findings.toml NETWORK
"""


def make_protocol(data: SurveyData, clips_digest: str | None = None) -> Protocol:
    """Return the protocol of a network's findings."""
    constants = {each.part: each.constants for each in data.survey.parts if each.constants}
    return Protocol(
        version=VERSION,
        network=data.card.slug,
        checksum=data.card.checksum,
        dataset=data.survey.dataset,
        clips=data.survey.clips,
        clips_digest=clips_digest,
        parts=tuple(measured.part for measured in data.survey.parts),
        seed=SURVEY_SEED,
        groups_known=data.survey.groups_known,
        thresholds=dict(data.thresholds),
        constants=constants,
        constants_digest=digest_constants(constants) if constants else None,
    )


def digest_constants(constants: Mapping[SurveyPart, PartConstants]) -> str:
    """Return a sha256 of the constants of parts, whatever their order."""
    return hashlib.sha256(json.dumps(constants, sort_keys=True).encode()).hexdigest()


def changed_constants(wanted: Protocol, found: Protocol) -> list[str]:
    """Return which constants of the parts that both protocols have are others, as `part.name`, sorted."""
    return sorted(
        f"{part}.{name}"
        for part in wanted.constants.keys() & found.constants.keys()
        for name in wanted.constants[part].keys() | found.constants[part].keys()
        if wanted.constants[part].get(name) != found.constants[part].get(name)
    )


def write_protocol(protocol: Protocol) -> str:
    """Return a protocol as TOML. Strings, numbers and lists of them are written in TOML as in JSON."""
    fields = protocol.model_dump(mode="json", exclude_none=True)
    tables = {"thresholds]  # justified in docs/evidence.md": fields.pop("thresholds")}
    tables |= {f"constants.{part}]": constants for part, constants in fields.pop("constants").items()}
    lines = [f"{name} = {json.dumps(value)}" for name, value in fields.items()]
    for head, table in tables.items():
        lines += ["", f"[{head}", *(f"{name} = {json.dumps(value)}" for name, value in table.items())]
    return HEAD.format(network=protocol.network) + "\n".join(lines) + "\n"


def read_protocol(text: str) -> Protocol:
    """Return the protocol that a TOML file holds. Raises InvalidRequest, which names what is wrong."""
    try:
        fields = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidRequest(f"The protocol is not TOML: {error}. Save it from a findings page again.") from None
    try:
        protocol = Protocol.model_validate(fields)
    except ValidationError as error:
        raise InvalidRequest(f"The protocol cannot be used: {_first_problem(error)}") from None
    read_thresholds(protocol)
    return protocol


def read_thresholds(protocol: Protocol) -> Thresholds:
    """Return the thresholds of a protocol; those that it does not name keep their defaults.

    Raises InvalidRequest for an unknown one and for a value that it cannot have.
    """
    known = Thresholds.model_fields
    for name in protocol.thresholds:
        if name not in known:
            near = ", ".join(closest_names(name, known)) or ", ".join(known)
            raise InvalidRequest(f"The protocol names a threshold that there is not: {name!r}. There are: {near}.")
    try:
        return Thresholds.model_validate(protocol.thresholds)
    except ValidationError as error:
        raise InvalidRequest(f"The protocol has a threshold that cannot be used: {_first_problem(error)}") from None


def _first_problem(error: ValidationError) -> str:
    problem: Any = error.errors()[0]
    name = ".".join(map(str, problem["loc"]))
    return f"{name}: {problem['msg'].lower()}."
