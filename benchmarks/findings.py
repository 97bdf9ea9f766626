"""Recover the facts planted in the shipped networks as findings, and try to break every verdict.

Each scenario is a network and clips, see findings_scenarios.py. It is surveyed, and its claims are printed: verdict,
effect with interval, null, control, n and groups. Then what must hold is checked:

- default: the planted facts are found, and the intervals exclude chance. A miss is a failure.
- held-out: other clips of the same classes give the same verdicts.
- control: trained on shuffled binding and without mats: none of the planted facts is found.
- random, shuffled: weights drawn at random, or shuffled and silent layers shifted: no claim is supported.
- labels: labels shuffled over clips: no claim about classes is supported.
- duplicates: every clip twice: no claim has more groups, or a narrower interval, than the clips alone.
- duplicates-untold: every clip twice, and nothing tells the groups: the page says so.
- no-motion, only-motion: one stream is blind: no claim on fusion is supported.

The exit status is 1 where one does not hold. One thread; decoded clips stay in memory.

    python -m benchmarks.findings --clips 8
    python -m benchmarks.findings --networks default control random --parts record streams interaction
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from app.analysis.findings import make_findings
from app.analysis.findings.data import SurveyData
from app.contract.findings import Claim, Finding, UnitStatistics, Verdict
from app.contract.interval import Interval
from app.contract.survey import Survey
from app.contract.survey_part import SurveyPart
from benchmarks.findings_scenarios import SCENARIOS, Clips, Scenario, read_clips
from benchmarks.vgg import machine
from worker.cli.findings import claim_cells
from worker.networks.families.mocap_classes import APPEARANCE_PAIR, BIASED_CLASS, BINDING_PAIR, CLASS_NAMES, SPEED_PAIR
from worker.survey.run import SurveyRun
from worker.video.decoders import ClipDecoders

FOUND = (Verdict.SUPPORTED, Verdict.PARTLY)
LABEL_FREE = (
    "fusion.units",
    "fusion.outputs",
    "fusion.joint_coding",
    "fusion.lean_coding",
    "invariance.gain",
)  # names of claims that need no labels
MAT_CLAIM = f"idiosyncrasies.bias.{CLASS_NAMES.index(BIASED_CLASS)}"
MAT_FOUND = "backflip is recognised by the mat: a suspected bias, or errors that a patch repairs or causes"
NARROWER = 0.8  # of the interval of the clips alone: below it, copies have counted as clips


class Found(dict[str, Finding]):
    """The findings of a survey by name, with the sentences on what its clips cannot tell."""

    limits: tuple[str, ...] = ()


@dataclass(frozen=True)
class Check:
    """Something that must hold, and whether it does."""

    words: str
    holds: bool


def find(scenario: Scenario, clips: Clips, parts: Sequence[SurveyPart], folder: Path) -> Found:
    """Survey a scenario and return its findings."""
    network, samples = scenario.network(clips), scenario.samples(clips)
    result = SurveyRun(network, scenario.name, samples, folder / scenario.name, parts=parts).run()
    survey = Survey(
        id=1, network=scenario.name, dataset=scenario.name, created_at=datetime.now(UTC), **dict(result.facts)
    )
    statistics = UnitStatistics(distributions={}, live=0, specific=0, generic=0)
    made = make_findings(SurveyData(network.card, survey, statistics))
    found = Found({finding.name: finding for finding in made.findings})
    found.limits = made.limits
    return found


def claims_of(found: Found) -> list[Claim]:
    return [claim for finding in found.values() for claim in finding.claims]


def names_pair(finding: Finding, field: str, pair: Sequence[str]) -> bool:
    """Return whether a finding lists a pair of classes in a field, in either order."""
    return any({each.first, each.second} == set(pair) for each in getattr(finding, field))


def planted(found: Found) -> dict[str, bool]:
    """Return which of the planted facts are found."""
    fusion, failures = found["fusion"], found["idiosyncrasies"]
    causes = [claim for claim in failures.claims if claim.name.startswith(MAT_CLAIM) and claim.verdict in FOUND]
    return {
        "binding needs both streams": names_pair(fusion, "together", BINDING_PAIR),
        "balls differ by appearance alone": names_pair(fusion, "appearance", APPEARANCE_PAIR),
        "waves differ by motion alone": names_pair(fusion, "motion", SPEED_PAIR),
        MAT_FOUND: BIASED_CLASS in failures.suspects or bool(causes),
    }


def excludes(effect: Interval, null: Interval) -> bool:
    """Return whether the interval of an effect does not hold the value by chance."""
    return not effect.low <= null.value <= effect.high


def check_default(found: Found, plain: Found) -> list[Check]:
    checks = [Check(words, holds) for words, holds in planted(found).items()]
    checks += [
        Check(f"{claim.name}: the interval excludes chance", excludes(claim.effect, claim.null))
        for claim in claims_of(found)
        if claim.verdict is Verdict.SUPPORTED and claim.effect and claim.null
    ]
    return checks


def check_held_out(found: Found, plain: Found) -> list[Check]:
    before = {claim.name: claim.verdict for claim in claims_of(plain)}
    return [
        Check(f"{claim.name}: {claim.verdict}, as before", claim.verdict is before[claim.name])
        for claim in claims_of(found)
        if claim.name in before
    ]


def check_control(found: Found, plain: Found) -> list[Check]:
    present = planted(found)
    return [Check(f"not found: {words}", not present[words]) for words in ("binding needs both streams", MAT_FOUND)]


def check_random(found: Found, plain: Found) -> list[Check]:
    return [Check(f"{claim.name}: not supported", claim.verdict not in FOUND) for claim in claims_of(found)]


def check_labels(found: Found, plain: Found) -> list[Check]:
    return [
        Check(f"{claim.name}: not supported", claim.verdict not in FOUND)
        for claim in claims_of(found)
        if claim.name not in LABEL_FREE
    ]


def check_duplicates(found: Found, plain: Found) -> list[Check]:
    before = {claim.name: claim for claim in claims_of(plain)}
    checks = []
    for claim in claims_of(found):
        alone = before.get(claim.name)
        if alone is None:
            continue
        if claim.groups is not None and alone.groups is not None:
            checks.append(Check(f"{claim.name}: {claim.groups} groups, not more", claim.groups <= alone.groups))
        if claim.effect and alone.effect and alone.effect.high > alone.effect.low:
            ratio = (claim.effect.high - claim.effect.low) / (alone.effect.high - alone.effect.low)
            checks.append(Check(f"{claim.name}: interval {ratio:.2f} times as wide", ratio >= NARROWER))
    return checks


def check_untold(found: Found, plain: Found) -> list[Check]:
    return [Check("the page says that groups are not known", any("independent" in each for each in found.limits))]


def check_blind(found: Found, plain: Found) -> list[Check]:
    return [Check(f"{claim.name}: not supported", claim.verdict not in FOUND) for claim in found["fusion"].claims]


CHECKS: dict[str, Callable[[Found, Found], list[Check]]] = {
    "default": check_default,
    "held-out": check_held_out,
    "control": check_control,
    "random": check_random,
    "shuffled": check_random,
    "labels": check_labels,
    "duplicates": check_duplicates,
    "duplicates-untold": check_untold,
    "no-motion": check_blind,
    "only-motion": check_blind,
}


def print_claims(found: Found) -> None:
    print("| claim | verdict | effect | null | control | p | n | groups |")
    print("|---|---|---|---|---|---|---|---|")
    for claim in claims_of(found):
        print(f"| {' | '.join((claim.name, claim.verdict, *claim_cells(claim)))} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [scenario.name for scenario in SCENARIOS]
    parser.add_argument("--networks", nargs="+", choices=names, default=names, help="scenarios, by name")
    parser.add_argument("--clips", type=int, default=10, help="clips of each class")
    parser.add_argument("--parts", nargs="+", type=SurveyPart, default=tuple(SurveyPart), help="parts of the survey")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{machine()}; {options.clips} clips a class; parts {', '.join(options.parts)}")
    failed: list[str] = []
    plain: Found | None = None
    with ClipDecoders() as decoders, TemporaryDirectory() as folder:
        clips = read_clips(options.clips, decoders)
        # The default network comes first: others are compared with it.
        for scenario in (each for each in SCENARIOS if each.name in {"default", *options.networks}):
            started = time.monotonic()
            found = find(scenario, clips, options.parts, Path(folder))
            plain = plain or found
            print(f"\n## {scenario.name}: {scenario.words} ({time.monotonic() - started:.0f} s)\n", flush=True)
            print_claims(found)
            print()
            for check in CHECKS[scenario.name](found, plain):
                print(f"- {'ok' if check.holds else 'FAILED'}: {check.words}", flush=True)
                if not check.holds:
                    failed.append(f"{scenario.name}: {check.words}")
    print(f"\n{len(failed)} failed" + "".join(f"\n- {each}" for each in failed))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
