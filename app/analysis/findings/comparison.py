"""Puts the findings of two networks side by side."""

import re

from app.contract.findings import Claim, Finding, Findings
from app.contract.findings_comparison import ComparedClaim, ComparedFinding, FindingsComparison
from app.contract.network import normalize_name


def compare_findings(a: Findings, b: Findings) -> FindingsComparison:
    """Return two networks' findings, paired by the names of findings and claims; claims about classes by the class."""
    others = {finding.name: finding for finding in b.findings}
    return FindingsComparison(
        a=a,
        b=b,
        same_data=(a.dataset, a.clips) == (b.dataset, b.clips),
        findings=tuple(_compare(finding, others[finding.name]) for finding in a.findings if finding.name in others),
    )


def _compare(a: Finding, b: Finding) -> ComparedFinding:
    of_a, of_b = ({_subject(claim): claim for claim in finding.claims} for finding in (a, b))
    claims = tuple(_pair(of_a.get(subject), of_b.get(subject)) for subject in dict.fromkeys([*of_a, *of_b]))
    return ComparedFinding(name=a.name, title=a.title, a=a.verdict, b=b.verdict, claims=claims)


def _pair(a: Claim | None, b: Claim | None) -> ComparedClaim:
    first = a or b
    assert first is not None
    return ComparedClaim(name=first.name, a=a, b=b, differs=differs(a, b))


def _subject(claim: Claim) -> tuple[str, str]:
    """Return what a claim says, and of which class: networks number the same classes differently."""
    if not claim.class_name:
        return claim.name, ""
    return re.sub(r"\.\d+(?=\.|$)", "", claim.name), normalize_name(claim.class_name)


def _measure(claim: Claim) -> str:
    return claim.measure.replace(claim.class_name, "") if claim.class_name else claim.measure


def differs(a: Claim | None, b: Claim | None) -> bool | None:
    """Return whether the intervals of two effects of the same measure do not overlap, None where one is missing.

    This is stricter than a test of the difference at 5 %.
    """
    if a is None or b is None or a.effect is None or b.effect is None or _measure(a) != _measure(b):
        return None
    return a.effect.low > b.effect.high or b.effect.low > a.effect.high
