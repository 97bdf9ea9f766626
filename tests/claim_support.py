"""Claims that tests of pages show."""

from app.contract.findings import Claim, Finding, Findings, Verdict
from app.contract.interval import Interval
from app.contract.unit import UnitSummary


def make_claim(name: str = "fusion.pairs", **changes: object) -> Claim:
    fields: dict[str, object] = {
        "name": name,
        "sentence": f"What {name} says.",
        "verdict": Verdict.SUPPORTED,
        "measure": "share of the clips",
        "effect": Interval(value=0.45, low=0.31, high=0.52),
        "null": Interval(value=0.01, low=-0.08, high=0.11),
        "null_words": "labels shuffled over videos",
        "control": Interval(value=0.02, low=-0.07, high=0.1),
        "p_value": 0.0004,
        "n": 80,
        "counted": "clips",
        "groups": 20,
        "threshold": "at least 0.25 more than the control",
        "caveat": "Clips of unknown groups count as independent.",
        "paper": "section 4.1",
        "clips": ("walk-0", "run-1", "gone"),
    }
    return Claim.model_validate(fields | changes)


def make_unit(**changes: object) -> UnitSummary:
    fields: dict[str, object] = {
        "network": "tiny",
        "layer": "fc6",
        "stream": "fusion",
        "index": 1,
        "label": "",
        "a_hat": 3.0,
        "visualizations": 1,
        "poster": "a" * 64,
        "loop": "b" * 64,
    }
    return UnitSummary.model_validate(fields | changes)


def make_findings_of(*claims: Claim, network: str = "tiny", verdict: Verdict = Verdict.SUPPORTED) -> Findings:
    finding = Finding(
        name="fusion",
        title="Fusion",
        claim="Where two streams meet, units learn more.",
        verdict=verdict,
        supported=verdict is Verdict.SUPPORTED,
        claims=claims,
        sentences=(*(claim.sentence for claim in claims), "One more sentence."),
    )
    return Findings(network=network, dataset="little", clips=9, findings=(finding,))
