"""The command that runs a protocol of findings on a network."""

import json
from pathlib import Path

import pytest

from app.analysis.findings.protocol import make_protocol, write_protocol
from app.contract.survey import MeasuredPart
from app.contract.survey_part import SurveyPart
from app.settings import settings
from app.store import datasets
from app.store.catalog import networks
from app.store.database.engine import open_store
from app.store.surveys import writing
from app.store.surveys.findings import get_findings_data
from tests.evidence_support import add_dataset, every_unit, facts, new_predictions
from tests.support import add_card, two_stream_card
from tests.worker.conftest import Invoke

CARD = two_stream_card()


@pytest.fixture
def protocol(invoke: Invoke, tmp_path: Path) -> Path:
    """Return the protocol of a surveyed network's findings."""
    store = open_store(settings().sqlalchemy_url)
    add_card(store, CARD)
    add_dataset(store)
    parts = (
        MeasuredPart(part=SurveyPart.RECORD, seconds=1),
        MeasuredPart(part=SurveyPart.MASK, seconds=1, constants={"max_clips": 600}),
    )
    measured = facts(len(CARD.classes), parts=parts)
    with store.transaction() as session:
        begun = writing.begin_survey(session, network=CARD.slug, dataset="little")
        writing.save_unit_evidence(session, survey_id=begun, units=every_unit(CARD))
        writing.save_predictions(session, survey_id=begun, predictions=new_predictions())
        writing.finish_survey(session, survey_id=begun, facts=measured)
    with store.session() as session:
        data = get_findings_data(session, card=networks.get_card(session, slug=CARD.slug))
        assert data is not None
        written = write_protocol(make_protocol(data, datasets.clips_digest(session, slug="little")))
    store.close()
    (tmp_path / "findings.toml").write_text(written)
    return tmp_path / "findings.toml"


def test_a_protocol_is_run_on_a_network(invoke: Invoke, protocol: Path, tmp_path: Path) -> None:
    changed = protocol.read_text().replace("max_p_value = 0.05", "max_p_value = 0.01")
    protocol.write_text(changed)
    output = invoke("findings", protocol, "tiny", "--json", tmp_path / "found.json").output
    assert "Fusion: " in output
    assert "other clips" not in output
    found = json.loads((tmp_path / "found.json").read_text())
    assert (found["network"], found["clips"], len(found["findings"])) == ("tiny", 9, 4)
    assert found["protocol"]["thresholds"]["max_p_value"] == 0.01
    assert (found["protocol"]["seed"], found["protocol"]["parts"]) == (0, ["record", "mask"])
    assert found["protocol"]["constants"] == {"mask": {"max_clips": 600}}


def test_other_clips_than_those_of_the_protocol_are_told(invoke: Invoke, protocol: Path) -> None:
    lines = protocol.read_text().splitlines()
    other = [f'clips_digest = "{"0" * 64}"' if line.startswith("clips_digest") else line for line in lines]
    protocol.write_text("\n".join(other))
    assert "they are not those of the protocol (9)" in invoke("findings", protocol, "tiny").output


def test_other_constants_than_those_of_the_protocol_are_told(invoke: Invoke, protocol: Path) -> None:
    assert "other constants" not in invoke("findings", protocol, "tiny").output
    protocol.write_text(protocol.read_text().replace("max_clips = 600", "max_clips = 60"))
    assert "other constants mask.max_clips: a difference" in invoke("findings", protocol, "tiny").output


def test_what_cannot_be_run_is_refused(invoke: Invoke, protocol: Path) -> None:
    assert "There is no file" in invoke("findings", "nothing.toml", "tiny", ok=False).output
    assert "no network 'tinny'" in invoke("findings", protocol, "tinny", ok=False).output
    text = protocol.read_text()
    protocol.write_text(text.replace("seed = 0", "seed = 3"))
    assert "draw with seed 0; the protocol asks for 3" in invoke("findings", protocol, "tiny", ok=False).output
    protocol.write_text(text.replace('dataset = "little"', 'dataset = "litle"'))
    assert "no data set 'litle'" in invoke("findings", protocol, "tiny", ok=False).output
